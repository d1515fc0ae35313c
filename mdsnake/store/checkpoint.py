"""Model files: safetensors weights with a JSON header and a digest of both.  Nothing in them is ever executed."""

import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from mdsnake.errors import UserError
from mdsnake.store.atomic import replacing

#: Raised when the meaning of a header or of the weights changes.
FORMAT = 1


def save_model(path: str | Path, model: torch.nn.Module, header: dict[str, Any]) -> None:
    """Write the state of `model` and `header` (family, settings, lag, provenance) atomically."""
    state = {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}
    text = json.dumps({"format": FORMAT, **header})
    with replacing(path) as temporary:
        save_file(state, temporary, metadata={"mdsnake": text, "sha256": _digest(text, state)})


def read_model(path: str | Path) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """Header and weights of a model file; one that is missing, damaged or of another format is a `UserError`."""
    if not Path(path).is_file():
        raise UserError(f"{path}: no such model; train it first")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata()
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        header = json.loads(metadata["mdsnake"])
        made_for, digest = header["format"], _digest(metadata["mdsnake"], weights)
    except Exception as error:  # whatever the library meets in a file that is none of ours
        raise UserError(f"{path}: damaged or not an mdsnake model; delete it and train again") from error
    if metadata.get("sha256", digest) != digest:
        raise UserError(f"{path}: damaged: its weights or its header changed; delete it and train again")
    if made_for != FORMAT:
        raise UserError(f"{path}: model format {made_for!r}, this version reads {FORMAT}; train it again")
    if not all(torch.isfinite(value).all() for value in weights.values()):
        raise UserError(f"{path}: its weights are not all finite; delete it and train again")
    return header, weights


def _digest(text: str, state: dict[str, torch.Tensor]) -> str:
    digest = hashlib.sha256(text.encode())
    for name in sorted(state):
        digest.update(name.encode() + state[name].numpy().tobytes())
    return digest.hexdigest()
