from typing import Any

import pytest
from pydantic import ValidationError

from mdsnake.families.backbone.config import (
    Backbone,
    Cartesian,
    Motif,
    PrepareSettings,
    RolloutSettings,
    Sample,
    TrainSettings,
)
from mdsnake.families.backbone.task import make_model
from mdsnake.families.base import n_parameters
from tests.families.backbone.toys import ABOUT


def test_full_has_the_parameters_of_the_source() -> None:
    full = make_model(Cartesian.model_validate({"size": "full"}), ABOUT, 0)
    assert n_parameters(full) == pytest.approx(7.6e6, rel=0.02)
    assert (full.network.width, full.network.layers, full.network.heads) == (256, 8, 8)


def test_a_size_sets_what_is_not_given() -> None:
    tiny = Cartesian.model_validate({"layers": 2})
    assert (tiny.size, tiny.width, tiny.layers) == ("tiny", 128, 2)
    assert Cartesian.model_validate(tiny.model_dump()) == tiny


def test_members_are_told_apart_by_kind() -> None:
    told = Backbone.model_validate({"members": {"a": {"kind": "cartesian", "size": "full"}, "b": {"kind": "frames"}}})
    assert [member.timesteps for member in told.members.values()] == [1000, 200]
    again = TrainSettings.model_validate(
        {"member": "b", "network": told.members["b"].model_dump(), "training": {}, "seed": 0}
    )
    assert again.network == told.members["b"]


def test_segments_are_author_numbers() -> None:
    motif = Motif(protein="a", segments="-3-5,40-55", at=[1, 30])
    assert motif.ranges == [(-3, 5), (40, 55)]
    assert motif.last == 45
    assert Motif(protein="a", segments="6-9,1-5", at=[25, 20]).last == 28, "in another order, and bonded as they are"
    Sample(lengths="training", motif=motif)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"members": {}}, "at least 1 item"),
        ({"members": {"a": {"kind": "cartesian", "size": "huge"}}}, "'tiny' or 'full'"),
        ({"members": {"a": {"kind": "frames", "width": 100}}}, "multiple of twice heads"),
        ({"members": {"a": {"kind": "graph"}}}, "does not match any of the expected tags"),
        ({"residues": {"min": 90, "max": 80}}, "min must not be above max"),
        ({"sample": {"lengths": [2]}}, "greater than or equal to 3"),
        ({"sample": {"sampler": "ddim", "noise_scale": 0.9}}, "noise_scale: ddim draws no noise"),
        ({"sample": {"steps": 201}}, r"sample\.steps: 201 are more than the 200 timesteps of a"),
        ({"sample": {"motif": {"protein": "a", "segments": "9-5", "at": [1]}}}, "must not come after its last"),
        ({"sample": {"motif": {"protein": "a", "segments": "1-5,7-9", "at": [1]}}}, "one place"),
        (
            {"sample": {"motif": {"protein": "a", "segments": "1-5,7-9", "at": [10, 14]}}},
            "would share residues",
        ),
        ({"sample": {"motif": {"protein": "a", "segments": "1-5,7-9", "at": [10, 8]}}}, "would share residues"),
        ({"sample": {"motif": {"protein": "a", "segments": "1-5,5-9", "at": [10, 30]}}}, "residues of the protein"),
        ({"sample": {"motif": {"protein": "a", "segments": "1-5,7-9", "at": [10, 15]}}}, "5 and 7 are not bonded"),
        (
            {"sample": {"motif": {"protein": "a", "segments": "5-9", "at": [60]}}},
            "number 64 of a sample of 63",
        ),
        ({"sample": {"lengths": [63, 63]}}, "the same value twice"),
        ({"seeds": [1, 2, 1]}, "the same value twice"),
        ({"download": {"url": "ftp://x/{id}"}}, "should match pattern"),
        ({"download": {"url": "http://[bad/{id}"}}, "Invalid IPv6 URL"),
        ({"download": {"url": "http:///{id}"}}, "no server is named"),
        ({"download": {"url": "http://x:y/{id}"}}, "Port could not be cast"),
    ],
)
def test_bad_settings_are_refused(changes: dict[str, Any], message: str) -> None:
    changes = {"sample": {"lengths": [96, 63]} | changes["sample"]} if "sample" in changes else changes
    with pytest.raises(ValidationError, match=message):
        Backbone.model_validate({"members": {"a": {"kind": "frames"}}} | changes)


def test_a_rollout_has_no_more_steps_than_its_network() -> None:
    told = {"member": "a", "network": {"kind": "frames", "timesteps": 20}, "sample": {"steps": 20}, "seed": 0}
    RolloutSettings.model_validate(told)
    RolloutSettings.model_validate(told | {"sample": {"sampler": "ddim", "noise_scale": 1}})
    with pytest.raises(ValidationError, match=r"sample\.steps: 21 are more than the 20 timesteps of a"):
        RolloutSettings.model_validate(told | {"sample": {"steps": 21}})


@pytest.mark.parametrize("source", ["1ABC", "MDAnalysisTests:PDB", "data/1abc.cif.gz", "/a/b c.pdb"])
def test_a_source_is_an_id_or_a_path(source: str) -> None:
    PrepareSettings.model_validate({"protein": {"name": "a", "source": source}, "residues": {}, "download": {}})
