"""A calculator of springs: atoms are held where they began, those of one molecule too stiffly for the time step."""

import numpy as np
from ase.calculators.calculator import Calculator

from mdsnake.store.graph import MoleculeGraph

EXPLODES = "methylamine"


class Springs(Calculator):
    """Harmonic about `centre` (N, 3) Å with `stiffness` eV/Å²."""

    implemented_properties = ("energy", "forces")

    def __init__(self, centre: np.ndarray, stiffness: float) -> None:
        super().__init__()
        self.centre, self.stiffness = centre, stiffness

    def calculate(self, atoms, properties, system_changes) -> None:
        away = atoms.positions - self.centre
        away -= away.mean(0)
        self.results = {"energy": 0.5 * self.stiffness * np.square(away).sum(), "forces": -self.stiffness * away}


def calculator(graph: MoleculeGraph) -> Springs:
    """Springs for `calculator: tests.workflow.springs:calculator`; Verlet steps of 0.5 fs stand some 1600 eV/Å²."""
    return Springs(10 * np.array(graph.positions), 5000.0 if graph.name == EXPLODES else 20.0)
