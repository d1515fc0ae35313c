"""What is asked grows with the work and covers what was measured."""

import subprocess
import sys

import pytest

from mdsnake import resources
from mdsnake.config import Engine, Training
from mdsnake.families.backbone.config import Cartesian, Frames, Sample
from mdsnake.families.kstep.config import Network, Rollout

BURSTS = {"count": 100, "length_fs": 80, "spacing_ps": 1.0}
MM = Engine(
    potential="openmm", timestep_fs=2, friction_per_ps=1, equilibration_ps=20, production_ps=1000, record_fs=8,
    bursts=BURSTS,
)  # fmt: skip
QM = MM.model_copy(update={"potential": "ase", "timestep_fs": 0.5, "production_ps": 4.0})
EGNN = Network(kind="egnn", layers=2, width=48)


def test_a_retry_asks_for_more_and_nothing_for_too_little() -> None:
    need = resources.Need(1000, 3600)
    assert [resources.mem_mb(need, attempt) for attempt in (1, 2)] == [1800, 3600]
    assert [resources.runtime(need, attempt) for attempt in (1, 2)] == [130, 260]
    assert resources.runtime(resources.Need(1, 0)) == resources.SHORTEST_MINUTES
    assert resources.runtime(resources.Need(1, 1e9), attempt=2) == resources.LONGEST_MINUTES


@pytest.mark.parametrize("engine", [MM, QM], ids=["mm", "qm"])
def test_simulations_grow_with_atoms_and_steps(engine: Engine) -> None:
    for need in (resources.replica, resources.bursts):
        small, large = need(engine, 9), need(engine, 18)
        assert small.seconds < large.seconds
        assert small.memory_mb < large.memory_mb
    longer = engine.model_copy(update={"production_ps": 10 * engine.production_ps})
    steps = 9e3 * engine.production_ps / engine.timestep_fs
    more = resources.replica(longer, 9).seconds - resources.replica(engine, 9).seconds
    assert more == pytest.approx(steps * resources.step_seconds(engine, 9))


def test_bursts_that_start_elsewhere_pay_no_equilibration() -> None:
    elsewhere = QM.model_copy(update={"bursts": QM.bursts.model_copy(update={"start": "mm"})})
    saved = resources.bursts(QM, 9).seconds - resources.bursts(elsewhere, 9).seconds
    steps = 1e3 * QM.equilibration_ps / QM.timestep_fs
    assert saved == pytest.approx(steps * resources.step_seconds(QM, 9))


@pytest.mark.parametrize(
    ("engine", "n_atoms", "measured"),
    [(MM, 9, 28e-6), (MM, 33, 121e-6), (MM, 62, 225e-6), (QM, 9, 1.4e-3), (QM, 24, 11.9e-3), (QM, 62, 42.7e-3)],
)
def test_cost_of_a_step_is_as_measured(engine: Engine, n_atoms: int, measured: float) -> None:
    assert 1 / resources.MARGIN < measured / resources.step_seconds(engine, n_atoms) < resources.MARGIN


@pytest.mark.parametrize(
    ("network", "drifts", "batch", "n_atoms", "measured"),
    [
        (EGNN, 4, 64, 9, 0.109),
        (EGNN, 4, 64, 24, 0.465),
        (EGNN.model_copy(update={"kind": "transformer-egnn"}), 4, 64, 24, 0.617),
        (EGNN.model_copy(update={"layers": 3, "width": 128}), 8, 64, 17, 1.42),
    ],
)
def test_cost_of_a_training_step_is_as_measured(
    network: Network, drifts: int, batch: int, n_atoms: int, measured: float
) -> None:
    assert 1 / 1.5 < measured / resources.network_seconds(network, drifts, batch * n_atoms**2) < 1.5


def test_training_grows_with_its_data_and_a_gpu_shortens_it() -> None:
    few, many = (resources.training(EGNN, 6, Training(), 9, data_mb, 4) for data_mb in (100, 10_000))
    assert many.memory_mb > few.memory_mb + 1000
    assert resources.training(EGNN, 6, Training(), 9, 100, 4, on_gpu=True).seconds < few.seconds
    assert resources.training(EGNN, 6, Training(), 9, 100, 4, force_first=0.9).seconds < 0.5 * few.seconds


@pytest.mark.parametrize(("n_atoms", "batch", "measured_minutes"), [(9, 32, 5.1), (21, 16, 7.8)])
def test_cost_of_a_training_by_muon_on_forces_alone_is_as_measured(
    n_atoms: int, batch: int, measured_minutes: float
) -> None:
    network = EGNN.model_copy(update={"kind": "transformer-egnn", "width": 48})
    told = Training(max_steps=6000, batch_size=batch, validate_every=1000, optimizer="muon")
    need = resources.training(network, 12, told, n_atoms, 50, 8, force_first=1.0)
    assert 1 / 1.3 < measured_minutes * 60 / need.seconds < 1.3


def test_muon_and_compiling_take_their_time() -> None:
    steps = Training(optimizer="muon"), Training()
    plain, compiled = (Rollout(time_ps=1, nve_ps=1, compile=told) for told in (False, True))
    muon, adamw = (resources.training(EGNN, 6, told, 9, 100, 4) for told in steps)
    assert muon.seconds > adamw.seconds
    told, more = (resources.roll_out(QM, settings, 8, 20, EGNN) for settings in (plain, compiled))
    sizes = 8, 4, 2, 1
    assert more.seconds - told.seconds == pytest.approx(len(sizes) * resources.COMPILER.seconds)
    assert more.memory_mb - told.memory_mb == pytest.approx(resources.COMPILER.memory_mb)
    assert resources.roll_out(QM, plain, 8, 20, None) == resources.roll_out(QM, compiled, 8, 20, None)


def test_forces_alone_keep_less_in_memory_than_jumps() -> None:
    jumps, forces = (resources.training(EGNN, 12, Training(), 40, 100, 4, force_first=told) for told in (0.9, 1.0))
    assert forces.memory_mb < 0.7 * jumps.memory_mb


def test_roll_out_counts_walkers_and_steps() -> None:
    settings = Rollout(walkers=8, time_ps=10, nve_ps=2)
    control, learned = (resources.roll_out(QM, settings, 8, 20, network) for network in (None, EGNN))
    assert learned.seconds > control.seconds
    more = settings.model_copy(update={"walkers": 16})
    assert resources.roll_out(QM, more, 8, 20, None).seconds > 1.9 * (control.seconds - 20)


SMALL = Frames(kind="frames", width=32, pair_width=8, layers=2, heads=4)


@pytest.mark.parametrize(
    ("network", "length", "measured"),
    [
        (Cartesian.model_validate({"size": "tiny"}), 64, 0.028),
        (Cartesian.model_validate({"size": "tiny"}), 128, 0.053),
        (Frames(kind="frames"), 64, 0.076),
        (Frames(kind="frames"), 128, 0.258),
        (SMALL, 64, 0.033),
        (SMALL, 128, 0.100),
    ],
)
def test_cost_of_a_pass_over_proteins_is_as_measured(network: Cartesian | Frames, length: int, measured: float) -> None:
    assert 1 / 1.5 < measured / resources.backbone_seconds(network, 8, length) < 1.5


TINY, FULL = (Cartesian.model_validate({"size": size}) for size in ("tiny", "full"))
FRAMES = Frames(kind="frames")


@pytest.mark.parametrize(("small", "large"), [(TINY, FULL), (FRAMES, FRAMES.model_copy(update={"layers": 8}))])
def test_proteins_grow_with_network_length_and_number(small: Cartesian | Frames, large: Cartesian | Frames) -> None:
    train = [resources.training_proteins(network, 64, 50, Training()) for network in (small, large)]
    assert train[0].seconds < train[1].seconds
    assert train[0].memory_mb < train[1].memory_mb
    assert resources.training_proteins(small, 128, 50, Training()).memory_mb > train[0].memory_mb
    assert resources.training_proteins(large, 64, 50, Training(), on_gpu=True).seconds < train[1].seconds
    few, many = (resources.sampling_proteins(small, Sample(count=count), 128, 5).seconds for count in (2, 200))
    assert few < many
    assert resources.sampling_proteins(small, Sample(count=2, steps=10), 128, 5).seconds < few
    assert resources.sampling_proteins(small, Sample(count=2, restrained=False), 128, 5).seconds < few
    assert resources.judging_proteins(16, 40).seconds < resources.judging_proteins(16, 400).seconds
    assert resources.indexing_proteins(40).seconds < resources.indexing_proteins(400).seconds / 20


def test_import_is_light() -> None:
    heavy = "[m for m in ('numpy', 'torch', 'openmm') if m in sys.modules]"
    code = f"import sys, mdsnake.resources, mdsnake.failures, mdsnake.project; sys.exit(bool({heavy}))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
