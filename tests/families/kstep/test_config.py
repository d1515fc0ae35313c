import pytest

from mdsnake.config import parse
from mdsnake.errors import UserError
from mdsnake.families.kstep.config import Jump, Network, Transfer


def test_the_lag_is_in_picoseconds() -> None:
    assert Jump(engine="mm", k=8, timestep_fs=0.5, temperature_K=300, constraints="none").lag_ps == pytest.approx(0.004)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": "painn"}, "member: kind: "),
        ({"drift_fs": 0}, "member: drift_fs: "),
        ({"depth": 3}, "member: depth: unknown key"),
        ({"kind": "transformer-egnn", "width": 30, "heads": 4}, "width must be a multiple of heads"),
    ],
)
def test_a_wrong_network_is_one_clear_line(changes: dict[str, object], message: str) -> None:
    with pytest.raises(UserError) as error:
        parse(Network, {"kind": "egnn"} | changes, "member")
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("drift_fs", "constraints", "lag_ps", "drifts"),
    [(None, "none", 0.004, 3), (None, "none", 0.008, 6), (None, "none", 0.016, 12), (None, "hbonds", 0.016, 6),
     (1, "none", 0.003, 3), (1, "none", 0.0031, 6), (0.5, "hbonds", 0.006, 12), (100, "none", 0.001, 3)],
)  # fmt: skip
def test_drifts_are_as_few_as_may_be(drift_fs: float | None, constraints: str, lag_ps: float, drifts: int) -> None:
    assert Network(kind="egnn", drift_fs=drift_fs).drifts(lag_ps, constraints) == drifts


def test_heads_do_not_matter_where_there_is_no_attention() -> None:
    assert Network(kind="egnn", width=30, heads=4).width == 30


def test_a_transfer_is_from_an_engine_or_from_a_file() -> None:
    assert Transfer(engine="mm", k=4).model is None
    assert Transfer(model="../other/{member}/k{k}.safetensors").engine is None
    for told in ({}, {"engine": "mm"}, {"k": 4}, {"model": "a", "k": 4}):
        with pytest.raises(ValueError, match="name either engine and k"):
            Transfer.model_validate(told)
