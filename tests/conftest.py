"""Inputs that many tests share, so that no test of a later stage waits for the earlier ones.

Shapes in the signatures of tensor functions are enforced here, and only here: checking them takes time.
"""

import os
import signal
from pathlib import Path

import jaxtyping
import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

# A job in the background ignores Ctrl-C, and so would all that the tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)
# Before anything loads OpenMP: sums by several threads are not bitwise the same.
os.environ["OMP_NUM_THREADS"] = "1"

TENSOR_MODULES = {
    "backbone": ("cartesian", "context", "data", "draws", "frames", "ipa", "model", "pose", "sampler", "springs"),
    "kstep": ("batch", "corrector", "data", "features", "layers", "model", "objective"),
    "trajbert": ("attention", "data", "density", "generate", "heads", "model", "states"),
}
rooms = [f"mdsnake.families.{room}.{name}" for room, names in TENSOR_MODULES.items() for name in names]
jaxtyping.install_import_hook(["mdsnake.nn", *rooms], "beartype.beartype")

from mdsnake.config import Engine, SimulateSettings  # noqa: E402
from mdsnake.families.kstep.config import Jump, WindowSettings  # noqa: E402
from mdsnake.simulate.stage import simulate_bursts  # noqa: E402
from mdsnake.window.stage import window  # noqa: E402
from tests.toys import write_prepared  # noqa: E402

#: Folders whose tests share what takes minutes to set up, or cannot be there twice: a run, a cluster.
TOGETHER = ("tests/slurm/", "tests/workflow/")


class ByFile(LoadScopeScheduling):
    """The tests of a file stay in one process, and those of TOGETHER in the same."""

    def _split_scope(self, nodeid: str) -> str:
        return TOGETHER[0] if nodeid.startswith(TOGETHER) else nodeid.split("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile:
    return ByFile(config, log)


@pytest.fixture(scope="session")
def water(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a prepared, flexible water molecule."""
    return write_prepared(tmp_path_factory.mktemp("toys") / "water", "H2O")


@pytest.fixture(scope="session")
def ethane(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a prepared ethane molecule."""
    return write_prepared(tmp_path_factory.mktemp("toys") / "ethane", "C2H6")


@pytest.fixture
def mm_engine() -> Engine:
    """Ten picoseconds of constrained classical dynamics."""
    return Engine.model_validate(
        {
            "potential": "openmm", "platform": "Reference", "constraints": "hbonds", "timestep_fs": 2,
            "friction_per_ps": 1.0, "equilibration_ps": 1, "production_ps": 10, "record_fs": 8,
            "bursts": {"count": 3, "length_fs": 64, "spacing_ps": 0.1},
        }
    )  # fmt: skip


@pytest.fixture
def qm_engine() -> Engine:
    """A few femtoseconds of GFN2-xTB."""
    return Engine.model_validate(
        {
            "potential": "ase", "timestep_fs": 0.5, "friction_per_ps": 10.0, "equilibration_ps": 0.01,
            "production_ps": 0.04, "record_fs": 1, "bursts": {"count": 2, "length_fs": 20, "spacing_ps": 0.01},
        }
    )  # fmt: skip


FLEXIBLE = Engine.model_validate(
    {
        "potential": "openmm", "platform": "Reference", "timestep_fs": 1, "friction_per_ps": 1.0,
        "equilibration_ps": 0.5, "production_ps": 1, "record_fs": 8,
        "bursts": {"count": 12, "length_fs": 24, "spacing_ps": 0.1},
    }
)  # fmt: skip


@pytest.fixture(scope="session")
def flexible_engine() -> Engine:
    """Classical dynamics without constraints."""
    return FLEXIBLE


@pytest.fixture(scope="session")
def jump() -> Jump:
    """Four steps of the engine without constraints."""
    return Jump(engine="mm", k=4, timestep_fs=1, temperature_K=300, constraints="none")


def bursts_of(prepared: Path, engine: Engine, folder: Path) -> Path:
    told = SimulateSettings(name=prepared.name, engine=engine, bursts=engine.bursts, seed=0)
    simulate_bursts(prepared, told, folder / "bursts.h5", folder / "work")
    return folder / "bursts.h5"


@pytest.fixture(scope="session")
def ethane_bursts(ethane: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve bursts of ethane without constraints, 25 frames each."""
    return bursts_of(ethane, FLEXIBLE, tmp_path_factory.mktemp("ethane-bursts"))


@pytest.fixture(scope="session")
def water_bursts(water: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve bursts of water without constraints, 25 frames each."""
    return bursts_of(water, FLEXIBLE, tmp_path_factory.mktemp("water-bursts"))


@pytest.fixture(scope="session")
def windows(
    ethane: Path,
    water: Path,
    ethane_bursts: Path,
    water_bursts: Path,
    jump: Jump,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """Windows of ethane to train on and of water to test on."""
    path = tmp_path_factory.mktemp("windows") / "k4.json"
    settings = WindowSettings(
        jump=jump, stride=4, splits={"c2h6": "train", "h2o": "test"}, validation_fraction=0.25, seed=0
    )
    window(settings, [ethane, water], [ethane_bursts, water_bursts], path)
    return path
