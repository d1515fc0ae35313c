"""Chains to cluster: helices and strands of idealised shape, prepared as files."""

from pathlib import Path

import numpy as np

from mdsnake.store.backbones import Backbone

#: Radius in Å, turn in degrees and rise in Å of a residue.
SHAPES = {"helix": (2.3, 100.0, 1.5), "strand": (0.9, 180.0, 3.3), "wide": (8.0, 40.0, 2.0)}


def chain(name: str, shape: str, length: int, letters: str = "A", noise_angstrom: float = 0.3) -> Backbone:
    """CA atoms on a helix, turned at random; the other atoms lie beside them."""
    rng = np.random.default_rng(sum(name.encode()))
    radius, turn, rise = SHAPES[shape]
    angle, number = np.deg2rad(turn) * np.arange(length), np.arange(length)
    ca = np.stack([radius * np.cos(angle), radius * np.sin(angle), rise * number], axis=1)
    rotation, _ = np.linalg.qr(rng.standard_normal((3, 3)))
    ca = (ca + noise_angstrom * rng.standard_normal(ca.shape)) @ (rotation * np.linalg.det(rotation))
    coords = ca[:, None] + np.array([[-1.4, 0, 0], [0, 0, 0], [1.5, 0, 0], [1.5, 1.2, 0]])
    sequence = (letters * length)[:length]
    return Backbone(name, "A", sequence, coords.astype(np.float32), number + 1, f"{name}.pdb")


def dropped(name: str, reason: str) -> Backbone:
    return Backbone(name, "", "", np.zeros((0, 4, 3), np.float32), np.zeros(0, int), f"{name}.pdb", reason)


def written(folder: Path, *chains: Backbone) -> list[Path]:
    """The folders of the chains."""
    for told in chains:
        told.save(folder / told.name / "backbone.npz")
    return [folder / told.name for told in chains]
