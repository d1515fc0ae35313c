"""What each rule asks for; no rule.  The costs of a step are in mdsnake/resources.py."""

import math

from mdsnake import resources as needs

UNSCREENED = 50  # atoms, of a molecule that is run before the screen


def n_atoms(wildcards):
    """Atoms of the molecule, a guess where the screen has not counted them."""
    return int(screened_so_far().get(wildcards.molecule, {}).get("n_atoms") or UNSCREENED)


def crowd(wildcards, part):
    """Number of molecules in a part of the splits, and the root mean square of their atoms."""
    rows = [row for row in screened_so_far().values() if row["status"] == "ok" and row["split"] in PARTS[part]]
    atoms = [int(row["n_atoms"]) for row in rows if wildcards.engine in row["engines"].split(",")] or [UNSCREENED]
    return len(atoms), math.sqrt(sum(n * n for n in atoms) / len(atoms))


def of_engine(need):
    """A need that follows from the engine and the atoms alone."""
    return lambda wildcards, input: need(PROJECT.engines[wildcards.engine], n_atoms(wildcards))


def train_need(wildcards, input):
    """A training's: by its steps, network and data."""
    engine, learned = PROJECT.engines[wildcards.engine], KSTEP.engines[wildcards.engine]
    network, molecules = KSTEP.members[wildcards.member], crowd(wildcards, ".learning")
    drifts = needs.jump_drifts(network, engine, int(wildcards.k))
    data_mb, first = needs.bursts_mb(engine, *molecules), learned.loss.force_first
    sizes = (molecules[1], data_mb, KSTEP.window_stride)
    return needs.training(network, drifts, learned.train, *sizes, bool(DEVICES), first)


def rollout_need(wildcards, input):
    """A roll-out's: by its length, walkers and propagator."""
    engine, network = PROJECT.engines[wildcards.engine], KSTEP.members.get(wildcards.member)
    settings = KSTEP.engines[wildcards.engine].rollout
    return needs.roll_out(engine, settings, int(wildcards.k), n_atoms(wildcards), network, bool(DEVICES))


def evaluate_need(wildcards, input):
    """An evaluation's: by the frames that it reads."""
    engine, settings = PROJECT.engines[wildcards.engine], KSTEP.engines[wildcards.engine].rollout
    frames = 2e3 * engine.production_ps / engine.record_fs
    frames += needs.rollout_frames(engine, settings, int(wildcards.k)) * settings.most_walkers
    return needs.judging(needs.megabytes(frames, n_atoms(wildcards)))


def window_need(wildcards, input):
    """An index's: by the bursts that it reads."""
    molecules, atoms = crowd(wildcards, wildcards.part)
    return needs.indexing(needs.bursts_mb(PROJECT.engines[wildcards.engine], molecules, atoms), molecules)


def jumps_need(wildcards, input):
    """That of single jumps of all members: by the molecules."""
    molecules, atoms = crowd(wildcards, "")
    data_mb = needs.bursts_mb(PROJECT.engines[wildcards.engine], molecules, atoms)
    engine, networks = PROJECT.engines[wildcards.engine], KSTEP.members.values()
    return needs.single_jumps(engine, int(wildcards.k), molecules, atoms, data_mb, networks)


NEEDS = {
    "screen": lambda wildcards, input: needs.screening(len(ROWS), 4),
    "prepare": lambda wildcards, input: needs.preparing(n_atoms(wildcards)),
    "simulate": of_engine(needs.replica),
    "bursts": of_engine(needs.bursts),
    "window": window_need,
    "train": train_need,
    "rollout": rollout_need,
    "jumps": jumps_need,
    "evaluate": evaluate_need,
    "gather": lambda wildcards, input: needs.gathering(len(input)),
}


def of_surface(need):
    """A need that follows from the section trajbert and the network of a member, where there is one."""
    member = lambda wildcards: PROJECT.trajbert.network(wildcards.member) if "member" in wildcards.keys() else None
    return lambda wildcards, input: need(PROJECT.trajbert, wildcards, member(wildcards))


NEEDS |= {
    "prepare_surface": lambda wildcards, input: needs.solving(),
    "simulate_surface": of_surface(
        lambda told, wildcards, network: needs.walking(
            told.systems[wildcards.system], told.trajectories.of(wildcards.run)
        )
    ),
    "window_surface": of_surface(lambda told, wildcards, network: needs.indexing_walkers(told.trajectories)),
    "train_surface": of_surface(
        lambda told, wildcards, network: needs.training_trajectories(
            network, told.window.length, told.trajectories, told.train, bool(DEVICES)
        )
    ),
    "rollout_surface": of_surface(
        lambda told, wildcards, network: needs.generating(
            network, told.rollout.of(network.mode, told.window.length), bool(DEVICES)
        )
    ),
    "evaluate_surface": of_surface(
        lambda told, wildcards, network: needs.judging_trajectories(network, told.window.length, told.rollout)
    ),
    "baselines": of_surface(lambda told, wildcards, network: needs.fitting_baselines(told.trajectories, told.rollout)),
}


def of_proteins(need):
    """A need that follows from the section backbone and the number of proteins."""
    return lambda wildcards, input: need(PROJECT.backbone, len(PROTEINS))


NEEDS |= {
    "prepare_protein": lambda wildcards, input: needs.reading_protein(),
    "window_proteins": lambda wildcards, input: needs.indexing_proteins(len(PROTEINS)),
    "train_proteins": lambda wildcards, input: needs.training_proteins(
        PROJECT.backbone.members[wildcards.member],
        PROJECT.backbone.residues.max,
        len(PROTEINS),
        training_of(wildcards.task)["training"],
        bool(DEVICES),
    ),
    "rollout_proteins": lambda wildcards, input: needs.sampling_proteins(
        PROJECT.backbone.members[wildcards.member],
        sample_of(wildcards.task),
        PROJECT.backbone.residues.max,
        PROJECT.backbone.memorise.proteins if wildcards.task == MEMORISE else len(PROTEINS),
        bool(DEVICES),
    ),
    "evaluate_proteins": of_proteins(
        lambda told, proteins: needs.judging_proteins(needs.chains_of(told, proteins), proteins)
    ),
    "baselines_proteins": of_proteins(lambda told, proteins: needs.judging_proteins(proteins + 16, proteins)),
}


def memory(rule):
    """The resource mem_mb of a rule; more at each attempt."""
    return lambda wildcards, input, attempt: needs.mem_mb(NEEDS[rule](wildcards, input), attempt)


def minutes(rule):
    """The resource runtime of a rule; more at each attempt."""
    return lambda wildcards, input, attempt: needs.runtime(NEEDS[rule](wildcards, input), attempt)
