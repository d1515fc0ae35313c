"""Model files: safetensors weights with a JSON header.  Nothing in them is ever executed."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from mdsnake.errors import UserError
from mdsnake.store.atomic import replacing

#: Raised when the meaning of a header or of the weights changes.
FORMAT = 1


def save_model(path: str | Path, model: torch.nn.Module, header: dict[str, Any]) -> None:
    """Write the state of `model` and `header` (family, settings, lag, provenance) atomically."""
    state = {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}
    with replacing(path) as temporary:
        save_file(state, temporary, metadata={"mdsnake": json.dumps({"format": FORMAT, **header})})


def read_model(path: str | Path) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """Header and weights of a model file; one that is missing, damaged or of another format is a `UserError`."""
    if not Path(path).is_file():
        raise UserError(f"{path}: no such model; train it first")
    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads(file.metadata()["mdsnake"])
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path}: damaged or not an mdsnake model; delete it and train again") from error
    if header["format"] != FORMAT:
        raise UserError(f"{path}: model format {header['format']}, this version reads {FORMAT}; train it again")
    return header, weights
