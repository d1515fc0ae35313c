"""The good inputs, made once."""

import pytest

from tests.malformed.good import Good, make


@pytest.fixture(scope="session")
def good(tmp_path_factory: pytest.TempPathFactory) -> Good:
    return make(tmp_path_factory.mktemp("good"))
