from pathlib import Path

import pytest

from tests.families.kstep.case import save
from tests.families.kstep.toys import stirred, toy_model


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that proposes nonsense now and then."""
    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    save(path, stirred(toy_model(width=8), size=0.1))
    return path
