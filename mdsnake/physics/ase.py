"""Quantum chemistry: any ASE calculator, by default GFN2-xTB of tblite."""

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, CalculatorError, all_changes

from mdsnake import units
from mdsnake.config import PlainEngine
from mdsnake.errors import UserError
from mdsnake.physics.potential import Calls, EvaluationFailed, Unconstrained
from mdsnake.store.graph import MoleculeGraph


def _tblite(method: str, graph: MoleculeGraph) -> Calculator:
    from tblite.ase import TBLite

    return TBLite(method=method, charge=graph.charge, multiplicity=graph.multiplicity, verbosity=0)


def _xtb(method: str, graph: MoleculeGraph) -> Calculator:
    from xtb.ase.calculator import XTB

    return XTB(method=method)


#: Entries `name:METHOD`; any other entry is `module:callable`, called with the graph.
CALCULATORS: dict[str, Callable[[str, MoleculeGraph], Calculator]] = {"tblite": _tblite, "xtb": _xtb}


def make_calculator(entry: str, graph: MoleculeGraph) -> Calculator:
    """The ASE calculator named by `entry`: `tblite:METHOD`, `xtb:METHOD` or `module:callable`.

    The callable gets the `MoleculeGraph` (for its charge and multiplicity) and returns a calculator.

    Raises
    ------
    UserError
        The entry is malformed, its package is not installed, or it refuses its arguments.
    """
    source, colon, rest = entry.partition(":")
    if not colon or not rest:
        raise UserError(f"calculator: {entry!r}: write tblite:METHOD, xtb:METHOD or module:callable")
    try:
        if source in CALCULATORS:
            return CALCULATORS[source](rest, graph)
        return getattr(importlib.import_module(source), rest)(graph)
    except ImportError as error:
        raise UserError(f"calculator: {entry}: {error.name or source} is not installed; install it first") from error
    except AttributeError as error:
        raise UserError(f"calculator: {entry}: {' '.join(str(error).split())}") from error
    except (CalculatorError, ValueError) as error:
        raise UserError(f"calculator: {entry}: refused: {' '.join(str(error).split())}") from error


#: In Å.  A calculator may end the whole process over an atom that is farther away, or nowhere: tblite 0.8 does.
FARTHEST = 1e3


class ASEPotential(Unconstrained):
    """An ASE calculator as a `Potential`; `atoms` carries it, counted and timed, for ASE's own dynamics."""

    def __init__(self, graph: MoleculeGraph, entry: str) -> None:
        import ase

        self.name = graph.name
        self.graph = graph
        self.entry = entry
        self.numbers = np.array(graph.numbers)
        self.masses = np.array(graph.masses)
        self.calls = Calls()
        self.about: dict[str, Any] = {"calculator": entry, "ase": ase.__version__} | _version(entry.partition(":")[0])
        self.atoms = Atoms(
            numbers=graph.numbers, masses=graph.masses, positions=np.array(graph.positions) / units.ANGSTROM
        )
        # xtb-python reads charge and unpaired electrons off the atoms; calculators that are told them ignore these.
        excess = np.zeros((2, graph.n_atoms))
        excess[:, 0] = graph.charge, graph.multiplicity - 1
        self.atoms.set_initial_charges(excess[0])
        self.atoms.set_initial_magnetic_moments(excess[1])
        self.atoms.calc = self
        self.reset()

    @classmethod
    def open(cls, prepared: Path, engine: PlainEngine) -> "ASEPotential":
        """The potential of the molecule in the folder `prepared`."""
        return cls(MoleculeGraph.load(Path(prepared) / "graph.json"), engine.calculator)

    def reset(self) -> None:
        """Forget the last wavefunction, so that what follows does not depend on what was computed before."""
        self._calculator = make_calculator(self.entry, self.graph)
        self._at = np.full((len(self.masses), 3), np.nan)
        self._changes = list(all_changes)

    def energy_forces(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        self.atoms.positions = x / units.ANGSTROM
        return self.current()

    def current(self) -> tuple[float, np.ndarray]:
        """Energy and forces where `atoms` is; costs nothing if just computed."""
        results = self._results(self.atoms)
        return float(results["energy"]) * units.EV, units.from_ase_forces(results["forces"])

    # What ASE asks of `atoms.calc`.  Its own base class compares every attribute of the atoms at each request,
    # which takes as long as GFN2-xTB does for a small molecule; here only positions can change.

    def get_forces(self, atoms: Atoms) -> np.ndarray:
        """Forces in eV/Å, for ASE."""
        return self._results(atoms)["forces"].copy()

    def get_potential_energy(self, atoms: Atoms, force_consistent: bool = False) -> float:
        """Energy in eV, for ASE."""
        return self._results(atoms)["energy"]

    def _results(self, atoms: Atoms) -> dict[str, Any]:
        if not np.array_equal(atoms.positions, self._at):
            if not (np.abs(atoms.positions) < FARTHEST).all():
                raise EvaluationFailed(f"{self.name}: the dynamics exploded; shorten timestep_fs")
            try:
                with self.calls.timed():
                    self._calculator.calculate(atoms, ["energy", "forces"], self._changes)
            except (CalculatorError, RuntimeError, ValueError) as error:
                self.reset()  # what it left of its wavefunction fails at the next place as well, or ends the process
                said = " ".join(str(error).split()) or type(error).__name__
                raise EvaluationFailed(
                    f"{self.name}: {self.entry} failed: {said}; check charge and multiplicity, or shorten timestep_fs"
                ) from error
            self._at = atoms.positions.copy()
            self._changes = ["positions"]
        return self._calculator.results


def _version(package: str) -> dict[str, str]:
    from importlib import metadata

    try:
        return {package: metadata.version(package.partition(".")[0])}
    except metadata.PackageNotFoundError:
        return {}
