"""Tiny models of the k-step family, and states of toy molecules that are solutions of their dynamics."""

import functools
from typing import Any

import numpy as np
import torch
from torch_geometric.data import Batch

from mdsnake.families.kstep.batch import collate
from mdsnake.families.kstep.config import Jump, Network
from mdsnake.families.kstep.data import NO_AUGMENTATION, MoleculeWindows
from mdsnake.families.kstep.features import molecule_tensors
from mdsnake.families.kstep.model import KstepModel
from mdsnake.physics.integrators import State, make_state, maxwell_boltzmann, verlet_step
from mdsnake.physics.openmm import OpenMMPotential
from tests.toys import toy_graph, toy_system

JUMP = Jump(engine="mm", k=4, timestep_fs=1, temperature_K=300, constraints="none")
RIGID = JUMP.model_copy(update={"constraints": "hbonds"})
KINDS = ("egnn", "transformer-egnn")


def network(kind: str = "egnn", **changes: Any) -> Network:
    small = {"kind": kind, "drift_fs": 0.7, "width": 16, "heads": 2, "radial_functions": 8}
    return Network.model_validate(small | changes)


def toy_model(kind: str = "egnn", jump: Jump = JUMP, **changes: Any) -> KstepModel:
    torch.manual_seed(0)
    return KstepModel(network(kind, **changes), jump)


def stirred(model: KstepModel, seed: int = 0, size: float = 0.3) -> KstepModel:
    """The model with noise on every weight, so that nothing is left at zero, where many start."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += size * torch.randn(parameter.shape, generator=generator).to(parameter)
    return model


def toy_potential(formula: str, jump: Jump = JUMP) -> OpenMMPotential:
    graph = toy_graph(formula)
    system = toy_system(graph)
    if jump.constraints == "hbonds":
        for (i, j), length in zip(graph.bonds, graph.bond_lengths, strict=True):
            if 1 in (graph.numbers[i], graph.numbers[j]):
                system.addConstraint(i, j, float(length))
    return OpenMMPotential(system, graph, "Reference")


@functools.cache
def toy_windows(formula: str, n: int = 8, jump: Jump = JUMP) -> MoleculeWindows:
    """`n` windows of `jump` from trajectories of the toy force field."""
    graph, potential, rng = toy_graph(formula), toy_potential(formula, jump), np.random.default_rng(0)
    dt, ends = jump.timestep_fs * 1e-3, ([], [])
    for _ in range(n):
        x = np.array(graph.positions)
        state = make_state(potential, x, maxwell_boltzmann(potential, x, 2 * jump.temperature_K, rng))
        state = steps(state, potential, 50, dt)
        ends[0].append(state)
        ends[1].append(steps(state, potential, jump.k, dt))
    x, v, f = (
        torch.tensor(np.array([[getattr(s, name) for s in end] for end in ends]), dtype=torch.float32)
        for name in ("x", "v", "forces")
    )
    return MoleculeWindows(graph.name, molecule_tensors(graph), x, v, f, 1.0)


def steps(state: State, potential: OpenMMPotential, count: int, dt: float) -> State:
    for _ in range(count):
        state = verlet_step(state, potential, dt)
    return state


def toy_batch(*formulas: str, n: int = 2, jump: Jump = JUMP) -> Batch:
    """`n` windows of each molecule in one batch."""
    parts = [toy_windows(formula, jump=jump) for formula in formulas]
    return collate([windows.select(torch.arange(n), jump, NO_AUGMENTATION, None) for windows in parts])


def doubled(batch: Batch) -> Batch:
    """The batch in double precision."""
    result = batch.clone()
    for name, value in batch.items():
        if torch.is_tensor(value) and value.is_floating_point():
            result[name] = value.double()
    return result
