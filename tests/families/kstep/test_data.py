import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from mdsnake.errors import UserError
from mdsnake.families.kstep.batch import collate
from mdsnake.families.kstep.config import Augmentation, Jump
from mdsnake.families.kstep.corrector import half_kick
from mdsnake.families.kstep.data import NO_AUGMENTATION, MoleculeWindows, WindowBatches, load_windows
from mdsnake.physics.integrators import make_state
from mdsnake.store.h5md import Trajectory
from mdsnake.store.windows import Windows
from tests.families.kstep.toys import JUMP, steps, stirred, toy_model, toy_potential, toy_windows

ALL = torch.arange(8)


def only(**chosen: bool) -> Augmentation:
    return NO_AUGMENTATION.model_copy(update=chosen)


def selected(windows: MoleculeWindows, augmentation: Augmentation, seed: int = 0) -> tuple:
    return windows.select(ALL, JUMP, augmentation, torch.Generator().manual_seed(seed))


def test_windows_are_frames_of_their_bursts(windows: Path, jump: Jump) -> None:
    (group,) = (g for g in Windows.load(windows).groups if g.split == "train")
    loaded, bursts = load_windows(group, jump), Trajectory.load(group.trajectory)
    assert loaded.x.shape == (2, len(group.starts), 8, 3)
    mass = loaded.molecule.masses[:, None]
    assert (mass * loaded.x).sum(2).abs().max() < 1e-5
    chosen = np.array(group.starts)
    for end, frames in enumerate((chosen, chosen + jump.k)):
        np.testing.assert_array_equal(loaded.v[end], bursts.velocities[frames])
        np.testing.assert_array_equal(loaded.f[end], bursts.forces[frames])
        apart = bursts.positions[frames][:, 1:] - bursts.positions[frames][:, :1]
        np.testing.assert_allclose(loaded.x[end][:, 1:] - loaded.x[end][:, :1], apart, atol=1e-6)
    assert loaded.seconds == pytest.approx(bursts.counters["total_ms"] / 1000)


def test_bursts_that_became_shorter_are_refused(windows: Path, jump: Jump) -> None:
    group = Windows.load(windows).groups[0]
    with pytest.raises(
        UserError, match=r"bursts\.h5: fewer frames than its windows were made from; run `mdsnake window`"
    ):
        load_windows(dataclasses.replace(group, starts=[*group.starts, 10_000]), jump)


@pytest.mark.parametrize("augmentation", [NO_AUGMENTATION, only(time_reversal=True)])
def test_a_window_is_a_solution_forward_and_backward(augmentation: Augmentation) -> None:
    windows, potential = toy_windows("CH3OH"), toy_potential("CH3OH")
    molecule, arrays = selected(windows, augmentation)
    mass = molecule.masses.double()[:, None].numpy()
    reversed_ones = [not torch.equal(arrays["positions"][i], windows.x[0, i]) for i in range(8)]
    assert any(reversed_ones) == augmentation.time_reversal
    assert not all(reversed_ones)
    for index in range(8):
        one = {name: value[index].double().numpy() for name, value in arrays.items()}
        begin = one["velocities"] - half_kick(one["forces"], mass, JUMP.lag_ps)
        end = steps(make_state(potential, one["positions"], begin), potential, JUMP.k, JUMP.timestep_fs * 1e-3)
        np.testing.assert_allclose(one["target_positions"], end.x, atol=1e-6)
        np.testing.assert_allclose(one["target_velocities"], end.v, atol=1e-3)
        np.testing.assert_allclose(one["target_forces"], end.forces, atol=0.5)


def test_a_rotation_is_proper_and_the_same_for_all_arrays() -> None:
    windows = toy_windows("CH3OH")
    (_, plain), (_, turned) = selected(windows, NO_AUGMENTATION), selected(windows, only(rotation=True))
    for index in range(8):
        turn = torch.linalg.lstsq(plain["velocities"][index].double(), turned["velocities"][index].double()).solution
        torch.testing.assert_close(turn @ turn.T, torch.eye(3, dtype=torch.float64), atol=1e-4, rtol=0)
        assert float(torch.linalg.det(turn)) == pytest.approx(1, abs=1e-4)
        for name in plain:
            expected = plain[name][index].double() @ turn
            size = float(expected.abs().max())
            torch.testing.assert_close(turned[name][index].double(), expected, rtol=0, atol=1e-4 * size)
    assert not torch.allclose(turned["positions"][0], plain["positions"][0], atol=1e-3)


def test_a_permutation_renames_molecule_and_arrays_alike() -> None:
    windows, model = toy_windows("CH3OH"), stirred(toy_model(), size=0.1)
    (_, plain), permuted = selected(windows, NO_AUGMENTATION), selected(windows, only(permutation=True))
    assert not torch.equal(permuted[1]["positions"], plain["positions"])

    def losses(part: tuple) -> dict[str, Tensor]:
        return model.loss(collate([part]), torch.Generator())

    torch.testing.assert_close(losses(permuted), losses((windows.molecule, plain)), rtol=1e-4, atol=1e-6)


def batches(most: int = 4, **changes: object) -> WindowBatches:
    training, validation = [toy_windows("H2O"), toy_windows("C2H6")], [toy_windows("CH3OH")]
    return WindowBatches(training, validation, JUMP, Augmentation(), most)


def test_a_batch_follows_from_its_generator() -> None:
    first, second, third = (batches(16).train_batch(np.random.default_rng(seed)) for seed in (5, 5, 6))
    assert torch.equal(first.positions, second.positions)
    assert first.positions.shape != third.positions.shape or not torch.equal(first.positions, third.positions)
    assert first.num_graphs == 16


def test_molecules_are_drawn_evenly() -> None:
    short = dataclasses.replace(
        toy_windows("H2O"), **{name: getattr(toy_windows("H2O"), name)[:, :1] for name in "xvf"}
    )
    drawn = WindowBatches([short, toy_windows("C2H6")], [], JUMP, Augmentation(), 400).train_batch(
        np.random.default_rng(0)
    )
    assert 160 < int((drawn.ptr.diff() == 3).sum()) < 240


def test_validation_is_the_same_each_time_and_as_it_was_simulated() -> None:
    first, second = batches().validation_batches(), batches().validation_batches()
    assert [batch.num_graphs for batch in first] == [4, 4]
    assert all(torch.equal(a.positions, b.positions) for a, b in zip(first, second, strict=True))
    together = torch.cat([batch.positions for batch in first]).view(8, 6, 3)
    assert torch.equal(together, toy_windows("CH3OH").x[0])


@pytest.mark.parametrize("most", [1, 3, 5, 7, 8, 100])
def test_validation_takes_at_most_so_many_windows(most: int) -> None:
    taken = sum(batch.num_graphs for batch in batches().validation_batches(most))
    assert min(most, 8) / 2 < taken <= most


def test_a_molecule_without_windows_is_left_out() -> None:
    empty = dataclasses.replace(
        toy_windows("H2O"), **{name: getattr(toy_windows("H2O"), name)[:, :0] for name in "xvf"}
    )
    some = WindowBatches([empty, toy_windows("C2H6")], [empty], JUMP, Augmentation(), 4)
    assert some.train_batch(np.random.default_rng(0)).ptr.diff().tolist() == [8] * 4
    assert some.validation_batches() == []


@pytest.mark.parametrize(("force_first", "jumps"), [(0.0, True), (0.9, True), (1.0, False)])
def test_what_is_validated_is_what_is_learned(force_first: float, jumps: bool) -> None:
    windows = toy_windows("H2O")
    some = WindowBatches([windows], [windows], JUMP, NO_AUGMENTATION, 4, force_first)
    assert all(("target_positions" in batch) == jumps for batch in some.validation_batches())
    together = torch.cat([batch.forces for batch in some.validation_batches()])
    assert torch.equal(together.view(-1, 3, 3), windows.f[0])


def test_the_first_of_a_training_has_forces_alone() -> None:
    some = WindowBatches([toy_windows("H2O")], [], JUMP, Augmentation(), 4, force_first=0.5)
    early, late = (some.train_batch(np.random.default_rng(0), progress) for progress in (0.49, 0.5))
    assert "target_positions" not in early
    assert early.num_graphs > late.num_graphs == 4
    assert "target_positions" in late
