"""What a learned jump takes by part, beside the GFN2-xTB call that follows it, on one thread.

python benchmarks/kstep_jump_speed.py --out benchmarks/results/kstep_jump_speed.json    # two minutes

The network is that of config/exact.yaml.  Weights are random, as speed does not depend on them.  Parts are timed in
turn, round after round, so that whatever else the machine does falls on all alike; processor time of the one thread;
`low` and `high` are quartiles over the rounds.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from exact_runs import MEMBER, configuration
from record import record, write

from mdsnake.config import Molecule, PrepareSettings
from mdsnake.families.kstep.batch import collate
from mdsnake.families.kstep.config import Jump, Member, Network
from mdsnake.families.kstep.features import molecule_tensors
from mdsnake.families.kstep.learned import LearnedProposal
from mdsnake.families.kstep.model import KstepModel
from mdsnake.nn.segments import segment_sum
from mdsnake.physics.ase import ASEPotential
from mdsnake.physics.integrators import maxwell_boltzmann
from mdsnake.prepare.stage import prepare
from mdsnake.store.graph import MoleculeGraph

MOLECULES = {"ethanol": "CCO", "aspirin": "CC(=O)Oc1ccccc1C(=O)O"}
CHAINS = (8, 64)
JUMP = Jump(engine="qm", k=16, timestep_fs=0.5, temperature_K=300, constraints="none")
#: A jump, with the forces at its start known from the one before, and what it is compared with.
WHOLE, COMPILED, CALL = "jump", "jump, compiled", "xTB call"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    network = Member.model_validate(configuration("ethanol")["kstep"]["members"][MEMBER]).network
    records = []
    for name, smiles in MOLECULES.items():
        graph = prepared(name, smiles)
        for chains in CHAINS:
            torch.compiler.reset()  # as in a roll-out of its own
            records += measured(graph, network, chains, 3 if arguments.quick else 30)
    write(arguments.out, records)


def prepared(name: str, smiles: str) -> MoleculeGraph:
    with tempfile.TemporaryDirectory() as scratch:
        prepare(
            PrepareSettings(molecule=Molecule(name=name, smiles=smiles), forcefield="mmff94", seed=0), Path(scratch)
        )
        return MoleculeGraph.load(Path(scratch) / "graph.json")


def measured(graph: MoleculeGraph, network: Network, chains: int, rounds: int) -> list[dict[str, Any]]:
    """Milliseconds of each part for one jump of one chain, and their ratio to the xTB call."""
    times = {name: np.array(taken) / chains for name, taken in timed(graph, network, chains, rounds).items()}
    drifts = network.drifts(JUMP.lag_ps, JUMP.constraints)
    setting = f"{chains} chains, n = {drifts}, width {network.width}, {network.layers} layers"
    call, about = times[CALL], (graph.name, network.kind, setting)
    records = []
    for name, taken in times.items():
        low, middle, high = np.percentile(taken, [25, 50, 75])
        records.append(record(*about, f"{name}, a jump and chain", "ms", middle, low=low, high=high, n=rounds))
    low, ratio, high = np.percentile(times[WHOLE] / call, [25, 50, 75])
    mark = {"mark": "< 1", "met": bool(ratio < 1)}
    return [*records, record(*about, f"{WHOLE} / {CALL}", "1", ratio, low=low, high=high, n=rounds, **mark)]


def timed(graph: MoleculeGraph, network: Network, chains: int, rounds: int) -> dict[str, list[float]]:
    """Milliseconds of each part for all chains, by round."""
    parts = dict(pieces(graph, network, chains))
    taken: dict[str, list[float]] = {name: [] for name in parts}
    for index in range(rounds + 2):
        for name, (work, times) in parts.items():
            start = time.process_time()
            work()
            if index > 1:  # the first ones warm up
                taken[name].append(1e3 * times * (time.process_time() - start))
    return taken


@torch.no_grad()
def pieces(
    graph: MoleculeGraph, network: Network, chains: int
) -> Iterator[tuple[str, tuple[Callable[[], object], float]]]:
    """Name, work, and how often a jump does it."""
    torch.manual_seed(0)
    model, rng = KstepModel(network, JUMP).eval(), np.random.default_rng(0)
    potential, n = ASEPotential(graph, "tblite:GFN2-xTB"), len(model.drifts)
    rest = np.array(graph.positions)
    x = rest + 0.003 * rng.standard_normal((chains, *rest.shape))
    v = np.stack([maxwell_boltzmann(potential, rest, JUMP.temperature_K, rng) for _ in range(chains)])
    arrays = {"positions": torch.tensor(x), "velocities": torch.tensor(v)}
    batch = collate([(molecule_tensors(graph), arrays)])
    known = model.chemistry(batch)
    pairs = model.geometry(batch.positions, batch.pair_index, known.rest, known.softness)
    start, force = (
        model.forces(batch, batch.positions, known),
        torch.zeros(2 * pairs.atoms.shape[1], 3, dtype=torch.float64),
    )
    propose, compiled = LearnedProposal(model, graph), LearnedProposal(model, graph)
    compiled.compile(chains)
    pairs_of_all = pairs.atoms.flatten()

    def layers() -> None:
        h = known.h
        for layer, chemistry in zip(model.layers, known.layers, strict=True):
            h, _ = layer(h, chemistry, pairs, known.parts)

    def attention() -> None:
        for layer in model.attention[1:]:
            layer(known.h, batch.ptr, graph.n_atoms)

    def calls() -> None:
        for place in x:
            potential.energy_forces(place + 1e-3 * rng.standard_normal(place.shape))

    def no_grad(work: Callable[[], object]) -> Callable[[], object]:
        return torch.no_grad()(work)

    yield "chemistry (once in a roll-out)", (no_grad(lambda: model.chemistry(batch)), 1)
    yield (
        "geometry",
        (no_grad(lambda: model.geometry(batch.positions, batch.pair_index, known.rest, known.softness)), n),
    )
    yield "layers", (no_grad(layers), n)
    yield "attention", (no_grad(attention), n)
    yield "sum over pairs", (lambda: segment_sum(force, pairs_of_all, len(batch.positions)), n)
    yield "all of the force", (no_grad(lambda: model.forces(batch, batch.positions, known)), n)
    yield "network and integration", (no_grad(lambda: model(batch, known, start)), 1)
    yield WHOLE, (lambda: propose(x, v, v), 1)
    yield COMPILED, (lambda: compiled(x, v, v), 1)
    yield CALL, (calls, 1)


if __name__ == "__main__":
    main()
