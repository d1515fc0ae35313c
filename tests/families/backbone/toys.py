"""Tiny models of backbones, and helices and strands to learn from."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch_geometric.data import Batch

from mdsnake.families.backbone.config import About, Cartesian, Frames, Residues
from mdsnake.families.backbone.data import collate
from mdsnake.families.backbone.model import BackboneModel
from mdsnake.families.backbone.springs import PAIRS, distances
from mdsnake.families.backbone.task import make_model
from mdsnake.nn.rigid import C_N, C_N_CA, CA_C, CA_C_N, N_CA, N_CA_C, with_oxygen
from mdsnake.store.backbones import Backbone
from mdsnake.store.windows import WindowGroup, Windows

ABOUT = About(residues=Residues(min=4, max=16))
HELIX, STRAND = (-60.0, -45.0), (-120.0, 130.0)
NETWORKS: dict[str, dict[str, Any]] = {
    "cartesian": {"width": 16, "layers": 2, "heads": 2, "feed_forward": 32, "timesteps": 50},
    "frames": {
        "width": 16, "layers": 2, "heads": 2, "pair_width": 8, "query_points": 2, "value_points": 2, "timesteps": 50,
    },
}  # fmt: skip


def network(kind: str, **changes: Any) -> Cartesian | Frames:
    room = Cartesian if kind == "cartesian" else Frames
    return room.model_validate({"kind": kind} | NETWORKS[kind] | changes)


def toy_model(kind: str, **changes: Any) -> BackboneModel:
    return make_model(network(kind, **changes), ABOUT, 0)


def chain(length: int, phi_psi: tuple[float, float] = HELIX) -> Float[Tensor, "L 3 3"]:
    """N, CA and C in Å of an ideal chain: each atom from the three before it."""
    phi, psi = map(math.radians, phi_psi)
    atoms = [torch.tensor([0.0, 0.0, 0.0]), torch.tensor([N_CA, 0.0, 0.0])]
    atoms.append(atoms[1] + CA_C * torch.tensor([-math.cos(N_CA_C), math.sin(N_CA_C), 0.0]))
    # A dihedral belongs to the bond before the last: ψ sets N, ω sets CA, φ sets C.
    order = ((C_N, CA_C_N, psi), (N_CA, C_N_CA, math.pi), (CA_C, N_CA_C, phi))
    for k in range(3 * length - 3):
        bond, angle, dihedral = order[k % 3]
        a, b, c = atoms[-3:]
        along = torch.nn.functional.normalize(c - b, dim=0)
        normal = torch.nn.functional.normalize(torch.linalg.cross(b - a, along), dim=0)
        side = torch.linalg.cross(normal, along)
        across = math.cos(dihedral) * side + math.sin(dihedral) * normal
        atoms.append(c + bond * (math.sin(angle) * across - math.cos(angle) * along))
    return torch.stack(atoms).view(length, 3, 3)


def stretch(coords: Float[Tensor, "L 3 3"]) -> float:
    """Mean squared Å by which the bonds of a chain are off."""
    return float((distances(coords)[0][:-1] - torch.tensor([pair[2] for pair in PAIRS])).square().mean())


def toy_batch(*lengths: int) -> Batch:
    """Helices and strands in turn, noised the more the later they come."""
    windows = [chain(n, STRAND if i % 2 else HELIX) for i, n in enumerate(lengths)]
    batch = collate([coords - coords[:, 1].mean(0) for coords in windows], range(len(lengths)))
    batch.share, batch.scaffolded, batch.shape_weight = (batch.seed + 0.5) / len(lengths), 0.2, 0.5
    return batch


def save_backbone(folder: Path, length: int, phi_psi: tuple[float, float] = HELIX, name: str = "toy") -> Path:
    coords = with_oxygen(chain(length, phi_psi)).numpy().astype(np.float32)
    path = folder / name / "backbone.npz"
    Backbone(name, "A", "G" * length, coords, np.arange(11, 11 + length), "toys").save(path)
    return path


def save_windows(folder: Path, *lengths: int, validation: int = 12) -> Path:
    """An index of chains of these lengths to train on, and one to validate on."""
    groups = []
    for number, (length, split) in enumerate([*((n, "train") for n in lengths), (validation, "validation")]):
        path = save_backbone(folder, length, STRAND if number % 2 else HELIX, f"toy{number}")
        starts = list(range(max(1, length - ABOUT.residues.max + 1)))
        groups.append(WindowGroup(f"toy{number}", split, str(path.parent), str(path), starts))  # type: ignore[arg-type]
    Windows(ABOUT.model_dump(mode="json"), groups).save(folder / "windows.json")
    return folder / "windows.json"
