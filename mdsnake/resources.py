"""What a job asks for: memory and time from what one step costs, measured on one core of 2.5 GHz, with a margin.

Snakemake imports this in every job, so it knows neither torch nor OpenMM.  `benchmarks/resources.py` sets what is
asked beside what was used.
"""

import math
from collections.abc import Iterable
from typing import NamedTuple

from mdsnake.config import Engine, Training
from mdsnake.families.backbone.config import Backbone, Cartesian, Frames, Sample
from mdsnake.families.kstep.config import Network, Rollout, compiled_sizes
from mdsnake.families.trajbert import config as trajbert

#: On a cluster two more Snakemakes, which start the job, live in its memory.
NESTED_MB = 260
#: Machines differ, molecules of one size too, and a job that is killed costs more than one that waits a little longer.
MARGIN = 2.0
#: Nothing asks for less: reading the workflow and the libraries from a slow disk takes minutes.
SHORTEST_MINUTES = 10
#: Nothing asks for more: what takes longer stops in time, keeps its work, and goes on in a retry.
LONGEST_MINUTES = 24 * 60
#: A GPU trains and jumps so many times as fast as a core; from the arithmetic, not measured here.
GPU_SPEEDUP = 20
#: What a step of Muon takes beside the passes of a network of 2 layers, 48 wide.
MUON_SECONDS = 0.01
#: An alignment of two proteins of a hundred residues, for their TM-score.
ALIGNMENT_SECONDS = 0.03
#: To bring a residue of a sample to its bonds and clear of others, in a step.
RESTRAINT_SECONDS = 1.2e-4


class Need(NamedTuple):
    """Expected peak memory in MB and seconds of a job."""

    memory_mb: float
    seconds: float


#: What compiling a network takes, for one size of batch.
COMPILER = Need(1000, 60)


def mem_mb(need: Need, attempt: int = 1) -> int:
    """What is asked of memory; more at each attempt."""
    return math.ceil(attempt * (NESTED_MB + 1.5 * need.memory_mb) / 100) * 100


def runtime(need: Need, attempt: int = 1) -> int:
    """Minutes that are asked; more at each attempt."""
    return min(LONGEST_MINUTES, attempt * (SHORTEST_MINUTES + math.ceil(MARGIN * need.seconds / 60)))


def megabytes(frames: float, n_atoms: float) -> float:
    """Size of a trajectory: positions, velocities and forces in single precision."""
    return 36e-6 * frames * n_atoms


def step_seconds(engine: Engine, n_atoms: float) -> float:
    """A step of the reference dynamics, GFN2-xTB standing for any calculator."""
    if engine.potential == "openmm":
        return 1.2e-5 + 4e-6 * n_atoms
    return 5e-4 + 6e-5 * n_atoms + 1.25e-5 * n_atoms**2


def screening(molecules: int, processes: int) -> Need:
    """Conformers and parameters of a table."""
    return Need(300 * processes + 0.02 * molecules, 20 + 1.0 * molecules / processes)


def preparing(n_atoms: float) -> Need:
    """Conformer and parameters of a molecule."""
    return Need(150, 3 + 0.1 * n_atoms)


def replica(engine: Engine, n_atoms: float) -> Need:
    """A thermostatted run."""
    steps = _steps(engine.equilibration_ps + engine.production_ps, engine)
    return _dynamics(engine, n_atoms, steps, 1e3 * engine.production_ps / engine.record_fs)


def bursts(engine: Engine, n_atoms: float) -> Need:
    """The training data of a molecule: bursts, and the way to each, which an equilibration goes before where they start
    nowhere else."""
    frames = _burst_frames(engine)
    before_ps = 0 if engine.bursts.start else engine.equilibration_ps
    steps = _steps(before_ps + engine.bursts.count * engine.bursts.spacing_ps, engine)
    stored = 3 if engine.potential == "openmm" else 1  # reading a frame out takes longer than such a step
    return _dynamics(engine, n_atoms, steps + stored * frames, frames)


def bursts_mb(engine: Engine, molecules: int, n_atoms: float) -> float:
    """Size of the bursts of so many molecules."""
    return molecules * megabytes(_burst_frames(engine), n_atoms)


def indexing(data_mb: float, molecules: int) -> Need:
    """An index of windows in bursts of `data_mb` in all."""
    return Need(300 + 3 * data_mb / molecules + 0.1 * molecules, 10 + data_mb / 50 + 0.02 * molecules)


def training(
    network: Network,
    drifts: int,
    settings: Training,
    n_atoms: float,
    data_mb: float,
    stride: int,
    on_gpu: bool = False,
    force_first: float = 0.0,
) -> Need:
    """A training on bursts of `data_mb` in all, of whose frames every `stride`-th starts a window.

    A jump has so many `drifts`; a share `force_first` of the steps matches forces alone, in one pass over twice the
    frames.
    """
    pairs = settings.batch_size * n_atoms**2
    steps = settings.max_steps * (1 + 10 / settings.validate_every) * settings.accumulate_batches
    deepest = _depth(network, drifts if force_first < 1 else 0)
    activations_mb = 0.0 if on_gpu else 4.5e-5 * pairs * deepest * network.width
    passes = 1 - force_first + force_first * 2 / (drifts + 2)
    seconds = passes * steps * network_seconds(network, drifts, pairs) / (GPU_SPEEDUP if on_gpu else 1)
    seconds += _muon_seconds(settings, network.layers, network.width)
    return Need(600 + data_mb * min(1, 2 / stride) + activations_mb, 30 + data_mb / 50 + seconds)


def _muon_seconds(settings: Training, layers: int, width: int) -> float:
    """All steps of Muon: products of matrices, if that is the optimiser."""
    each = MUON_SECONDS * max(1, layers / 2 * (width / 48) ** 3)
    return each * settings.max_steps if settings.optimizer == "muon" else 0.0


def jump_drifts(network: Network, engine: Engine, k: int) -> int:
    """Drifts of a jump of k steps of the engine."""
    return network.drifts(1e-3 * k * engine.timestep_fs, engine.constraints)


def network_seconds(network: Network, drifts: int, pairs: float) -> float:
    """A training step, forth and back, on so many `pairs` of atoms; a jump alone takes a third of it."""
    attention = 1.4 if network.kind == "transformer-egnn" else 1.0
    return attention * _depth(network, drifts) * (4e-3 + 1e-6 * pairs * network.width / 48)


def rollout_frames(engine: Engine, settings: Rollout, k: int) -> float:
    """Frames of a walker."""
    return _steps(settings.time_ps + settings.nve_ps, engine) / k


def roll_out(
    engine: Engine, settings: Rollout, k: int, n_atoms: float, network: Network | None, on_gpu: bool = False
) -> Need:
    """A roll-out at its worst: each jump is tried as often as may be, and then the plain integrator takes over."""
    frames = rollout_frames(engine, settings, k)
    seconds = (k + settings.attempts) * (step_seconds(engine, n_atoms) + 1e-4) * settings.most_walkers
    if network:
        forth_and_back = network_seconds(network, jump_drifts(network, engine, k), settings.most_walkers * n_atoms**2)
        seconds += forth_and_back / (GPU_SPEEDUP if on_gpu else 3)
    # In memory all is in double precision, and there twice while pieces are joined.
    held_mb = 4 * megabytes(frames * settings.most_walkers, n_atoms)
    compiler = COMPILER if network and settings.compile else Need(0, 0)
    return Need(
        (500 if network else 130) + held_mb + compiler.memory_mb,
        (15 if network else 5) + compiler.seconds * len(compiled_sizes(settings.most_walkers)) + frames * seconds,
    )


def judging(data_mb: float) -> Need:
    """The evaluation of a roll-out that reads trajectories of `data_mb` in all."""
    return Need(250 + 4 * data_mb, 5 + 0.1 * data_mb)


def single_jumps(
    engine: Engine, k: int, molecules: int, n_atoms: float, data_mb: float, networks: Iterable[Network]
) -> Need:
    """Jumps of all members from a hundred windows of each molecule, at most 200 molecules of each of three splits."""
    networks, judged = list(networks), min(molecules, 600)
    forces = 100 * 2 * (2 + len(networks)) * (step_seconds(engine, n_atoms) + 1e-4)
    drifts = [jump_drifts(network, engine, k) for network in networks]
    jumps = sum(map(network_seconds, networks, drifts, [100 * n_atoms**2] * len(networks))) / 3
    return Need(700 + 3 * data_mb / molecules, 20 + judged * (0.3 + forces + jumps))


def solving() -> Need:
    """The exact figures of a surface."""
    return Need(300, 10)


def walking(system: trajbert.System, extent: trajbert.Extent) -> Need:
    """Walkers on a surface."""
    steps = extent.frames * system.steps_per_frame
    return Need(100 + 3 * _walkers_mb(extent), 5 + steps * (5e-5 + 5e-7 * extent.walkers))


def indexing_walkers(settings: trajbert.Trajectories) -> Need:
    """An index of windows of trajectories."""
    return Need(150 + 2 * _walkers_mb(settings.train), 10)


def training_trajectories(
    network: trajbert.Network, length: int, data: trajbert.Trajectories, settings: Training, on_gpu: bool = False
) -> Need:
    """A training on windows of so many frames."""
    tokens = settings.batch_size * length
    steps = settings.max_steps * (1 + 2 / settings.validate_every) * settings.accumulate_batches
    seconds = steps * (0.02 + 3 * _pass_seconds(network, tokens, length)) / (GPU_SPEEDUP if on_gpu else 1)
    # Each layer keeps its activations, and its weights of attention twice.
    per_token = 10 * network.width + 2 * network.feed_forward + 2 * network.attention_heads * length
    activations_mb = 0.0 if on_gpu else 4e-6 * tokens * network.layers * per_token
    seconds += _muon_seconds(settings, network.layers, network.width)
    return Need(700 + 2 * _walkers_mb(data.train) + activations_mb, 30 + seconds)


def generating(network: trajbert.Network, settings: trajbert.Rollout, on_gpu: bool = False) -> Need:
    """A roll-out: for each frame a pass over the window, of one frame where what was computed is kept."""
    kept = network.mode == "causal" and settings.slide > 1
    new = 1 + settings.prompt / settings.slide if kept else settings.prompt
    seconds = settings.frames * (0.005 + _pass_seconds(network, settings.walkers * new, settings.prompt))
    return Need(
        600 + 4 * megabytes(settings.walkers * settings.frames, 1), 30 + seconds / (GPU_SPEEDUP if on_gpu else 1)
    )


def judging_trajectories(network: trajbert.Network, length: int, settings: trajbert.Rollout) -> Need:
    """What a model tells of its windows, and three runs of walkers."""
    frames = settings.walkers * settings.frames
    seconds = 4096 / length * _pass_seconds(network, length**2, length) + 1e-5 * frames
    return Need(800 + 12 * megabytes(frames, 1), 30 + seconds)


def fitting_baselines(data: trajbert.Trajectories, settings: trajbert.Rollout) -> Need:
    """Kinetic models of the training data."""
    seconds = 1e-4 * data.train.walkers * data.train.frames + 1e-5 * settings.walkers * settings.frames
    return Need(700 + 20 * _walkers_mb(data.train), 60 + seconds)


def _walkers_mb(extent: trajbert.Extent) -> float:
    return megabytes(extent.walkers * extent.frames, 1)


def _pass_seconds(network: trajbert.Network, tokens: float, length: int) -> float:
    """Through the encoder, for so many frames in windows of one length, at 10 billion operations a second."""
    weights = network.layers * (4 * network.width**2 + 2 * network.width * network.feed_forward)
    return 2e-10 * tokens * (weights + 2 * network.layers * network.width * length)


def reading_protein() -> Need:
    """A chain out of a file, which may be downloaded."""
    return Need(300, 30)


def indexing_proteins(proteins: int) -> Need:
    """Splits by the likeness of all pairs of proteins."""
    return Need(200 + 0.1 * proteins, 20 + ALIGNMENT_SECONDS * proteins**2 / 2)


def training_proteins(
    network: Cartesian | Frames, length: int, proteins: int, settings: Training, on_gpu: bool = False
) -> Need:
    """A training on windows of so many residues at most."""
    steps = settings.max_steps * (1 + 4 * proteins / settings.batch_size / settings.validate_every)
    one = 3.5 * backbone_seconds(network, settings.batch_size, length) * settings.accumulate_batches
    activations_mb = 0.0 if on_gpu else _activations_mb(network, settings.batch_size, length)
    seconds = steps * one / (GPU_SPEEDUP if on_gpu else 1) + _muon_seconds(settings, network.layers, network.width)
    return Need(700 + 0.1 * proteins + activations_mb, 30 + seconds)


def sampling_proteins(
    network: Cartesian | Frames, sample: Sample, length: int, proteins: int, on_gpu: bool = False
) -> Need:
    """Samples of every length, a pass for each step; `length` is that of the longest window, of so many `proteins`."""
    lengths = [length] * proteins if sample.lengths == "training" else sample.lengths
    steps = sample.steps or network.timesteps
    each = RESTRAINT_SECONDS if sample.restrained else 0.0
    seconds = steps * sum(backbone_seconds(network, sample.count, one) + each * sample.count * one for one in lengths)
    kept_mb = 1e-3 * sample.count * sum(lengths) * 2
    return Need(700 + 2 * kept_mb, 30 + seconds / (GPU_SPEEDUP if on_gpu else 1))


def judging_proteins(chains: int, proteins: int) -> Need:
    """Chains that are each compared with all proteins, and with each other."""
    return Need(800 + 0.1 * proteins, 60 + ALIGNMENT_SECONDS * chains * (proteins + min(chains, 32) / 2))


def chains_of(settings: Backbone, proteins: int) -> int:
    """Samples of a model."""
    lengths = settings.sample.lengths
    return settings.sample.count * (proteins if lengths == "training" else len(lengths))


def backbone_seconds(network: Cartesian | Frames, chains: int, length: int) -> float:
    """A pass over a batch of chains of one length."""
    residues, width = chains * length, network.width
    if isinstance(network, Cartesian):
        weights = network.layers * (4 * width**2 + 2 * width * network.feed_forward)
        return 0.005 + 1e-10 * residues * (weights + 2 * network.layers * length * width)
    each = network.layers * (2.5 * width**2 + length * (1.2 * width + 2 * network.pair_width * network.heads))
    return 0.01 + residues * (4e-7 * length + 4e-10 * each)


def _activations_mb(network: Cartesian | Frames, chains: int, length: int) -> float:
    """What a training step keeps for its way back."""
    if isinstance(network, Cartesian):
        return 4e-6 * chains * length * network.layers * (14 * network.width + 2 * network.heads * length)
    pairs = 8 * network.heads + 2 * network.pair_width
    return 4e-6 * chains * length * network.layers * (30 * network.width + pairs * length)


def gathering(files: int) -> Need:
    """A table or figure made from so many files."""
    return Need(200 + 0.25 * files, 10 + 0.02 * files)


def _dynamics(engine: Engine, n_atoms: float, steps: float, frames: float) -> Need:
    return Need(130 + 3 * megabytes(frames, n_atoms), 5 + steps * step_seconds(engine, n_atoms))


def _burst_frames(engine: Engine) -> float:
    return engine.bursts.count * (engine.bursts.length_fs / engine.timestep_fs + 1)


def _steps(time_ps: float, engine: Engine) -> float:
    return 1e3 * time_ps / engine.timestep_fs


def _depth(network: Network, drifts: int) -> int:
    """Passes through a layer in a training step."""
    return (drifts + 2) * network.layers
