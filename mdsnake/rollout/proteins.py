"""A backbone model at work: structures, each as PDB and mmCIF, and how they came about."""

import re
import time
from functools import partial
from pathlib import Path

import numpy as np
import torch

from mdsnake.config import VERSIONS
from mdsnake.errors import UserError
from mdsnake.families.backbone import config
from mdsnake.families.backbone.config import RolloutSettings
from mdsnake.families.backbone.sampler import Motif, sample
from mdsnake.families.backbone.task import load_model
from mdsnake.families.base import resolve_device
from mdsnake.seeds import integer_seed
from mdsnake.store.backbones import Backbone
from mdsnake.store.budget import Budget
from mdsnake.store.h5md import provenance
from mdsnake.store.pieces import Piece, run_pieces
from mdsnake.store.samples import Samples
from mdsnake.store.structures import write_mmcif, write_pdb
from mdsnake.store.work import fingerprint, work_folder

#: Samples drawn side by side, a piece of the job: so many of 128 residues, fewer of longer ones, as frames hold what
#: grows with the square of the length.
TOGETHER, OF_LENGTH = 8, 128
#: What a roll-out calls its structures.
WRITTEN = re.compile(r"sample\d{4,}(_denoising)?\.(pdb|cif)")


def rollout_proteins(
    settings: RolloutSettings,
    model: Path,
    out: Path,
    structures: Path,
    work: Path,
    motif: Path | None = None,
    device: str = "auto",
    budget: Budget | None = None,
) -> None:
    """Write all samples to `out`, and into the folder `structures`, for each, one PDB, one mmCIF and the denoising.

    An interrupted job goes on from its last piece.  `motif` is the prepared protein that settings.sample.motif names.
    """
    if structures.exists() and not structures.is_dir():
        raise UserError(f"{structures}: a file stands where the folder of structures is to be; name another folder")
    told, place = settings.sample, resolve_device(device)
    network, trained = load_model(model, settings.network)
    network = network.to(place)
    lengths = trained if told.lengths == "training" else told.lengths
    given = read_motif(told.motif, motif, min(lengths))
    stream = integer_seed(settings.seed, settings.member)

    def make(first: int, length: int, count: int, before: Piece | None) -> Piece:
        begun = time.perf_counter()
        drawn = sample(network, [length], count, told, torch.Generator().manual_seed(stream), given, first)
        pictures = torch.cat([one.trajectory_angstrom for one in drawn], dim=1).numpy()
        seconds = np.full(count, (time.perf_counter() - begun) / count)
        return Piece({"pictures": pictures, "lengths": np.full(count, length), "seconds": seconds}, {})

    def report(index: int, piece: Piece, seconds: float) -> None:
        share, count = 100 * (index + 1) / len(makers), len(piece.arrays["lengths"])
        print(f"{settings.member}: {share:.0f} %, {seconds / count:.2g} s a sample", flush=True)

    parts = [
        (length, min(together(length), told.count - begin))
        for length in lengths
        for begin in range(0, told.count, together(length))
    ]
    firsts = np.cumsum([0, *(count for _, count in parts)])
    makers = [partial(make, int(first), *part) for first, part in zip(firsts, parts, strict=False)]
    files = [model, *([motif] if motif else [])]
    with work_folder(work, fingerprint(VERSIONS["rollout"], settings.model_dump(mode="json"), *files)) as folder:
        pieces = run_pieces(folder, makers, report, budget)
        size = np.concatenate([piece.arrays["lengths"] for piece in pieces])
        pictures = np.concatenate([piece.arrays["pictures"] for piece in pieces], axis=1)
        if not np.isfinite(pictures).all():
            raise UserError(f"{model}: its samples are not all finite; train it again, with a lower learning_rate")
        kept = np.zeros(pictures.shape[1], dtype=bool)
        ptr = np.concatenate([[0], size.cumsum()])
        if given:
            kept[(ptr[:-1, None] + given.positions.numpy()).ravel()] = True
        samples = Samples(
            ptr=ptr,
            coords_angstrom=pictures[-1],
            trajectory_angstrom=pictures,
            motif=kept,
            wall_seconds=np.concatenate([piece.arrays["seconds"] for piece in pieces]),
            provenance=provenance(settings=settings.model_dump(mode="json"), model=str(model)),
        )
        write_structures(samples, structures)
        samples.save(out)


def together(length: int) -> int:
    """How many samples of a length are drawn side by side."""
    return max(1, min(TOGETHER, TOGETHER * OF_LENGTH**2 // length**2))


def read_motif(told: config.Motif | None, path: Path | None, shortest: int) -> Motif | None:
    """The residues that the settings name, of the prepared protein `path`, for samples of `shortest` and more."""
    if told is None:
        if path:
            raise UserError(f"{path}: no motif is asked for; give sample.motif, or leave the protein out")
        return None
    if path is None:
        raise UserError(f"sample.motif: the prepared protein {told.protein} is not there; give --motif")
    backbone = Backbone.load(path)
    if backbone.name != told.protein:
        raise UserError(f"{path}: sample.motif.protein: it holds {backbone.name}, not {told.protein}; give that one")
    if backbone.dropped:
        raise UserError(f"{path}: {backbone.name} cannot be used ({backbone.dropped}); take the motif from another")
    rows: list[int] = []
    positions: list[int] = []
    for segment, at in zip(told.ranges, told.at, strict=True):
        first, last = segment
        found = np.flatnonzero((backbone.residues >= first) & (backbone.residues <= last))
        if len(found) != last - first + 1:
            raise UserError(
                f"{path}: sample.motif.segments: {first}-{last}: {len(found)} of these residues are in "
                f"{backbone.name}, which has {backbone.residues.min()} to {backbone.residues.max()}; name others"
            )
        rows += found.tolist()
        positions += range(at - 1, at - 1 + len(found))
    given = Motif(torch.tensor(backbone.coords_angstrom[rows]), torch.tensor(positions))
    given.check(shortest)
    return given


def write_structures(samples: Samples, folder: Path) -> None:
    """Files of every sample, in place of those of an earlier run."""
    for path in folder.glob("sample*"):
        if WRITTEN.fullmatch(path.name):
            path.unlink()
    for number, name in enumerate(samples.names):
        rows = samples.rows(number)
        motif, pictures = samples.motif[rows], samples.trajectory_angstrom[:, rows]
        write_pdb(folder / f"{name}.pdb", [pictures[-1]], motif)
        write_mmcif(folder / f"{name}.cif", pictures[-1], motif)
        write_pdb(folder / f"{name}_denoising.pdb", list(pictures), motif)
