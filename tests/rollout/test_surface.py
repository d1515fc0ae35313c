"""Generated walkers of a network that has learned nothing: where they start, that they go on, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
import torch

from mdsnake.errors import OutOfTime, UserError
from mdsnake.families.trajbert.config import (
    PrepareSettings,
    Rollout,
    RolloutSettings,
    System,
    Trajbert,
    Window,
    WindowSettings,
)
from mdsnake.families.trajbert.generate import generate
from mdsnake.families.trajbert.model import TrajbertModel
from mdsnake.families.trajbert.task import load_model
from mdsnake.physics.generator import exact
from mdsnake.physics.surface import SURFACES
from mdsnake.rollout.pieces import pieces_of
from mdsnake.rollout.surface import prompts, rollout_surface
from mdsnake.seeds import integer_seed
from mdsnake.store.budget import Budget
from mdsnake.store.checkpoint import save_model
from mdsnake.store.h5md import Trajectory
from mdsnake.store.walkers import load_walkers, paths, walkers_trajectory

SYSTEM = System(kT=15, timestep=1e-4, record=2e-4)
ABOUT = WindowSettings(name="mb", system=SYSTEM, window=Window(length=12))
MEMBER = "small-causal-mixture"
FRAMES = 45  # more than one in each piece


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """A model from random weights, and walkers to start from."""
    torch.manual_seed(0)
    network = Trajbert(systems={"mb": SYSTEM}).network(MEMBER)
    header = {"family": "trajbert", "network": network.model_dump(), "about": ABOUT.model_dump()}
    model = TrajbertModel(network, ABOUT)
    model.step.fill_(0.05)
    save_model(tmp_path / "model.safetensors", model, header)
    x = SURFACES["mueller-brown"].A + 0.1 * np.random.default_rng(0).standard_normal((6, 10, 2))
    walkers_trajectory(x, 0 * x, 0 * x, x[..., 0], SYSTEM.record, {}, {}).save(tmp_path / "start.h5")
    exact(SURFACES["mueller-brown"], SYSTEM.kT, spacing=0.1).save(tmp_path / "exact.json")
    (tmp_path / "surface.json").write_text(PrepareSettings(name="mb", system=SYSTEM).model_dump_json())
    return {"start": tmp_path / "start.h5", "model": tmp_path / "model.safetensors"}


def settings(how: str = "sampled", seed: int = 0, **changes: int) -> RolloutSettings:
    told = Rollout.model_validate({"walkers": 4, "frames": FRAMES, "prompt": 8} | changes)
    return RolloutSettings(name="mb", system=SYSTEM, member=MEMBER, how=how, rollout=told, seed=seed)  # type: ignore[arg-type]


def run(
    told: RolloutSettings, files: dict[str, Path], folder: Path, name: str, budget: Budget | None = None
) -> Trajectory:
    out = folder / f"{name}.h5"
    rollout_surface(folder, told, files["start"], files["model"], out, folder / f"{name}.work", "cpu", budget)
    return load_walkers(out, SYSTEM.record)


def test_walkers_go_on_from_their_prompt(files: dict[str, Path], tmp_path: Path) -> None:
    made = run(settings(), files, tmp_path, "a")
    x, before = paths(made, tmp_path), paths(load_walkers(files["start"], SYSTEM.record), tmp_path)
    assert x.shape == (4, FRAMES, 2)
    steps = np.linalg.norm(np.diff(np.concatenate([before[:4, 7:8], x], axis=1), axis=1), axis=-1)
    assert 0 < steps[:, 0].max() < 3 * np.quantile(steps, 0.9)
    np.testing.assert_allclose(made.potential, SURFACES["mueller-brown"].energy(made.positions[:, 0, :2]), rtol=1e-3)
    assert made.counters["network_calls"] == FRAMES
    assert made.counters["total_ms"] > 0
    assert made.counters["simulator_ms"] > 0


def test_each_piece_goes_on_from_the_last_frames_with_noise_of_its_own(files: dict[str, Path], tmp_path: Path) -> None:
    network, start = load_model(files["model"], SYSTEM), paths(load_walkers(files["start"], SYSTEM.record), tmp_path)
    x = torch.tensor(start[:4, :8], dtype=torch.float32)
    pieces = pieces_of(FRAMES, 3)
    assert len(pieces) > 2
    for index, count in enumerate(pieces):
        noise = torch.Generator().manual_seed(integer_seed(0, f"mb/{MEMBER}/sampled", 0, index))
        x = torch.cat([x, generate(network, x[:, -8:], count, "sampled", noise, 3)], dim=1)
    made = paths(run(settings(slide=3), files, tmp_path, "a"), tmp_path)
    np.testing.assert_allclose(made, x[:, 8:], rtol=1e-4, atol=1e-5)


def test_the_seed_decides(files: dict[str, Path], tmp_path: Path) -> None:
    same = [run(settings(how, seed), files, tmp_path, f"{how}{seed}{n}").positions
            for how, seed, n in (("sampled", 0, 0), ("sampled", 0, 1), ("sampled", 1, 0))]  # fmt: skip
    np.testing.assert_array_equal(same[0], same[1])
    assert not np.array_equal(same[0], same[2])


def test_a_rollout_that_was_broken_off_goes_on(files: dict[str, Path], tmp_path: Path) -> None:
    whole = run(settings(slide=3), files, tmp_path, "whole")
    with pytest.raises(OutOfTime, match="run it again to go on"):
        run(settings(slide=3), files, tmp_path, "broken", Budget(1e-9))
    assert list((tmp_path / "broken.work").glob("piece*.npz"))
    np.testing.assert_array_equal(run(settings(slide=3), files, tmp_path, "broken").positions, whole.positions)
    assert not (tmp_path / "broken.work").exists()


def test_seeds_start_from_other_walkers_and_later_frames() -> None:
    x = np.arange(6 * 30 * 2, dtype=float).reshape(6, 30, 2)
    told = settings().rollout
    np.testing.assert_array_equal(prompts(x, told, 0, Path("a")), x[[0, 1, 2, 3], :8])
    np.testing.assert_array_equal(prompts(x, told, 1, Path("a")), x[[4, 5, 0, 1], 8:16])
    all_walkers = settings(walkers=6).rollout
    assert len({prompts(x, all_walkers, seed, Path("a")).tobytes() for seed in range(6)}) == 6
    assert prompts(x[:, :8], told, 3, Path("a")).shape == (4, 8, 2)


def test_a_surface_that_was_prepared_with_other_dynamics_is_refused(files: dict[str, Path], tmp_path: Path) -> None:
    other = SYSTEM.model_copy(update={"kT": 20.0})
    (tmp_path / "surface.json").write_text(PrepareSettings(name="mb", system=other).model_dump_json())
    with pytest.raises(UserError, match=r"surface\.json: system: prepared with other settings; prepare the surf"):
        run(settings(), files, tmp_path, "bad")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"walkers": 7}, r"start\.h5: 6 walkers of 10 frames, but 7 of 8 to start from; raise trajectories\.reference"),
        ({"prompt": 11}, r"start\.h5: 6 walkers of 10 frames, but 4 of 11 to start from"),
        ({"slide": 8}, r"rollout: prompt \+ slide - 1 is 15, the model has seen windows of 12 frames"),
    ],
)
def test_bad_input_is_one_clear_line(
    files: dict[str, Path], tmp_path: Path, changes: dict[str, int], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        run(settings(**changes), files, tmp_path, "bad")
    assert not (tmp_path / "bad.h5").exists()
