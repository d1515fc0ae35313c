from typing import Any

import pytest

from mdsnake.errors import UserError
from mdsnake.families.trajbert.config import Extent, Rollout, System, Trajbert
from mdsnake.inputs import parse

SYSTEM = {"kT": 15, "timestep": 1e-4, "record": 2e-4}


def section(**changes: Any) -> dict[str, Any]:
    return {"systems": {"mueller-brown": SYSTEM}} | changes


def test_members_are_sizes_by_modes_by_heads() -> None:
    told = parse(Trajbert, section(sizes=["small", "large"], heads=["mse"], mixture={"components": 7}), "config")
    small = ["small-causal-mse", "small-bidirectional-mse"]
    assert told.members == [*small, "large-causal-mse", "large-bidirectional-mse"]
    network = told.network("large-causal-mse")
    assert (network.width, network.layers, network.feed_forward, network.mode) == (120, 12, 512, "causal")
    assert network.hows == ["deterministic"]
    assert told.network("small-bidirectional-mixture").components == 7
    assert told.network("small-bidirectional-mixture").hows == ["sampled", "deterministic"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dynamics": "langevin"}, "friction: langevin dynamics needs one"),
        ({"friction": 1}, "friction: langevin dynamics needs one, overdamped dynamics has none"),
        ({"timestep": 5e-4, "record": 1e-3}, "timestep: overdamped dynamics needs 2.0e-4 or less"),
        ({"record": 2.5e-4}, "record must be a multiple of timestep"),
        ({"record": 1e-5}, "record must be a multiple of timestep"),
        ({"kT": True}, "kT: a number is needed"),
        ({"temperature": 300}, "temperature: unknown key"),
    ],
)
def test_impossible_dynamics_are_one_clear_line(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as error:
        parse(System, SYSTEM | changes, "system")
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"window": {"length": 1025}}, "window.length: "),
        ({"window": {"length": 64, "shortest": 65}}, "shortest must not be above length"),
        (
            {"trajectories": {"test": {"walkers": 5, "frames": 128}}},
            "window.length must be less than trajectories.test.frames",
        ),
        (
            {"trajectories": {"reference": {"walkers": 63, "frames": 5000}}},
            "trajectories.reference: fewer walkers or frames than a rollout has",
        ),
        ({"rollout": {"prompt": 128, "slide": 2}}, "prompt + slide - 1 must not be above window.length"),
        ({"systems": {"../x": SYSTEM}}, "systems"),
        ({"systems": {}}, "systems"),
    ],
)
def test_what_does_not_fit_together_is_one_clear_line(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as error:
        parse(Trajbert, section(**changes), "config")
    assert message in str(error.value)


def test_bidirectional_models_generate_from_whole_windows() -> None:
    told = Rollout(walkers=2, frames=10, prompt=65, slide=64)
    assert told.of("causal", 128) is told
    whole = told.of("bidirectional", 128)
    assert (whole.prompt, whole.slide, whole.walkers, whole.frames) == (128, 1, 2, 10)


def test_frames_are_a_whole_number_of_steps_apart() -> None:
    assert System(kT=15, timestep=1e-4, record=2e-3).steps_per_frame == 20


def test_a_run_is_as_large_as_its_kind() -> None:
    extents = {"test": {"walkers": 5, "frames": 200}, "reference": {"walkers": 70, "frames": 9000}}
    told = parse(Trajbert, section(trajectories=extents), "").trajectories
    assert told.of("test") == Extent(walkers=5, frames=200)
    assert told.of("replica0") == told.of("replica1") == Extent(walkers=70, frames=9000)
    assert told.of("train") != told.of("validation")
