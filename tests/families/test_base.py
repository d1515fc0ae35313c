import pytest
import torch

from mdsnake.errors import UserError
from mdsnake.families.base import resolve_device


def test_a_device_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert resolve_device("auto") == resolve_device("cpu") == torch.device("cpu")
    with pytest.raises(UserError, match=r"^device: torch sees no CUDA device"):
        resolve_device("cuda")
