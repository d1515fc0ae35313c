import json
from pathlib import Path

import numpy as np
import pytest

from mdsnake.families.trajbert.config import PrepareSettings, System
from mdsnake.physics.generator import Exact
from mdsnake.prepare.surface import prepare_surface


def prepared(folder: Path, **changes: object) -> Exact:
    system = System.model_validate({"kT": 15, "timestep": 1e-4, "record": 2e-4} | changes)
    prepare_surface(PrepareSettings(name="mb", system=system), folder)
    told = PrepareSettings.model_validate_json((folder / "surface.json").read_text())
    assert (told.name, told.system) == ("mb", system)
    return Exact.load(folder / "exact.json")


def test_what_is_known_exactly_is_written(tmp_path: Path) -> None:
    exact = prepared(tmp_path)
    assert exact.t2 == pytest.approx(0.643, abs=1e-3)
    assert exact.mfpt_ab == pytest.approx(6.81, abs=0.01)
    assert {path.name for path in tmp_path.iterdir()} == {"surface.json", "exact.json"}


def test_times_of_langevin_dynamics_are_not_known(tmp_path: Path) -> None:
    exact = prepared(tmp_path / "overdamped")
    langevin = prepared(tmp_path / "langevin", dynamics="langevin", friction=10, timestep=0.005, record=0.01)
    assert langevin.t2 is langevin.t3 is langevin.mfpt_ab is None
    assert json.loads((tmp_path / "langevin/exact.json").read_text())["t2"] is None
    np.testing.assert_array_equal(langevin.density, exact.density)
    assert langevin.free_energy_difference == exact.free_energy_difference
