"""A trained network as the proposal of a jump."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch_geometric.data import Batch

from mdsnake.families.base import resolve_device
from mdsnake.families.kstep.batch import collate
from mdsnake.families.kstep.config import Jump, compiled_sizes
from mdsnake.families.kstep.features import molecule_tensors
from mdsnake.families.kstep.hybrid import Proposal
from mdsnake.families.kstep.model import Known, KstepModel
from mdsnake.families.kstep.task import load_model
from mdsnake.store.graph import MoleculeGraph

#: Places of each walker of which learned forces are kept: both ends of a jump, and of most that go on from there.
KEPT = 8


def learned_proposal(path: Path, jump: Jump, graph: MoleculeGraph, device: str = "auto") -> Proposal:
    """The network in the file `path`, which must be one for `jump`."""
    return LearnedProposal(load_model(path, jump).to(resolve_device(device)), graph)


class LearnedProposal:
    """All walkers of a molecule in one batch; what depends on the bonds alone is computed once for each size of batch.

    Learned forces at the ends of jumps serve the next ones, from where walkers went, stayed, or go on.
    """

    def __init__(self, model: KstepModel, graph: MoleculeGraph) -> None:
        self.model = model
        self._molecule, self._device = molecule_tensors(graph), next(model.parameters()).device
        self._unused = torch.Generator()  # a jump draws nothing
        self._templates: dict[int, tuple[Batch, Known]] = {}
        self._compiled: dict[int, Callable[..., tuple[torch.Tensor, torch.Tensor]]] = {}  # kicks, by size of batch
        self._known: dict[bytes, torch.Tensor] = {}  # learned forces by place, the newest last

    def __call__(self, x: np.ndarray, v: np.ndarray, force: np.ndarray, /) -> tuple[np.ndarray, np.ndarray]:
        size = min((size for size in self._compiled if size >= len(x)), default=len(x))
        filled = np.minimum(np.arange(size), len(x) - 1)  # up to a size that was compiled, with the last one
        dx, dv = self._jump(x[filled], v[filled])
        return dx[: len(x)], dv[: len(x)]

    def _jump(self, x: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        batch, chemistry = self._template(x)
        for name, values in (("positions", x), ("velocities", v)):
            batch[name] = torch.tensor(values.reshape(-1, 3), dtype=torch.float64, device=self._device)
        starts = [self._known.get(place.tobytes()) for place in x]
        told = [start for start in starts if start is not None]
        start = torch.cat(told) if len(told) == len(starts) else None
        kicked = self._compiled.get(len(x))
        outputs = self.model.sample(batch, self._unused, chemistry=chemistry, start=start, kicked=kicked)
        dx, dv = (outputs[name].cpu().numpy().reshape(x.shape) for name in ("displacement", "velocity_change"))
        self._remember(x, outputs["start_force"])
        self._remember(x + dx, outputs["end_force"])
        return dx, dv

    def compile(self, walkers: int) -> None:
        """Compile the kicks of all `walkers`, and of halves of them down to one, which are filled up to.

        A few walkers that go on from a refused jump are the most costly batches otherwise.  Each size is compiled by
        itself and called with nothing else, so nothing is checked at a call, and on a CPU its kernels are called from
        C++: that takes a third off a small batch.  Where it cannot be done, it is said and they stay as they are.
        """
        begun, on_cpu = time.perf_counter(), self._device.type == "cpu"
        for size in compiled_sizes(walkers):
            batch, chemistry = self._template(np.zeros((size, len(self._molecule.masses), 3)))
            x = batch.positions + torch.arange(len(batch.positions), device=self._device)[:, None]  # all apart
            try:
                kicked = torch.compile(  # type: ignore[call-overload]  # which knows no isolate_recompiles
                    partial(self.model.kicked, batch, known=chemistry), fullgraph=True, dynamic=False,
                    isolate_recompiles=True,
                    options={"guard_filter_fn": torch.compiler.skip_all_guards_unsafe, "cpp_wrapper": on_cpu},
                )  # fmt: skip
                with torch.no_grad():
                    kicked(x, torch.zeros_like(x), x.new_zeros(1))
            except (RuntimeError, TypeError) as error:  # a TypeError from a torch before 2.13
                reason = str(error).strip() or type(error).__name__
                print(f"rollout.compile: goes on without, as {reason.splitlines()[0]}", flush=True)
                self._compiled.clear()
                return
            self._compiled[size] = kicked
        print(f"compiled for {walkers} walkers and fewer in {time.perf_counter() - begun:.0f} s", flush=True)

    def reset(self) -> None:
        """Forget all places: the last bit of a force depends on the batch that it was computed in."""
        self._known.clear()

    def _template(self, x: np.ndarray) -> tuple[Batch, Known]:
        if len(x) not in self._templates:
            batch = collate([(self._molecule, {"positions": torch.zeros(x.shape, dtype=torch.float64)})])
            batch = batch.to(self._device)
            with torch.no_grad():
                self._templates[len(x)] = batch, self.model.chemistry(batch)
        return self._templates[len(x)]

    def _remember(self, places: np.ndarray, forces: torch.Tensor) -> None:
        for place, force in zip(places, forces.view(places.shape), strict=True):
            self._known.pop(place.tobytes(), None)
            self._known[place.tobytes()] = force
        while len(self._known) > KEPT * max(self._templates):
            del self._known[next(iter(self._known))]
