"""The family kstep: its members, paths, settings, figures and tables; no rule."""

KSTEP = PROJECT.kstep
MEMBERS = [*KSTEP.members, *KSTEP.controls]
ROLLED = {name: engine for name, engine in KSTEP.engines.items() if engine.rollout}
JUMPING = [control for control in KSTEP.controls if control in ("zero", "ballistic")]


wildcard_constraints:
    member="|".join(map(re.escape, MEMBERS)),


MODEL = "<results>/kstep/train/{engine}/k{k}/{member}/model.safetensors"
HISTORY = "<results>/kstep/train/{engine}/k{k}/{member}/history.csv"
ROLLOUT = "<results>/{molecule}/rollout/{engine}/k{k}/{member}/seed{seed}"
EVALUATION = "<results>/{molecule}/evaluate/{engine}/k{k}/{member}/seed{seed}"


def of_training(path, engine, k, **rest):
    """`path` of the training that serves an engine's jumps of k steps."""
    return expand(path, engine=engine, k=KSTEP.engines[engine].trained_k(int(k)), **rest)


def of_member(path):
    """`path` of a learned member's training; a control has none."""
    return lambda wildcards: of_training(path, **wildcards) if wildcards.member in KSTEP.members else []


def of_pretraining(path):
    """`path` of the training that a learned member's started from, where it is of this configuration."""

    def of(wildcards):
        source = KSTEP.engines[wildcards.engine].transfer
        inside = wildcards.member in KSTEP.members and source and source.engine
        return of_training(path, source.engine, source.k, member=wildcards.member) if inside else []

    return of


def of_source(wildcards):
    """The model that a training starts from, if any: the same member's on another engine, or a file of another run."""
    source = KSTEP.engines[wildcards.engine].transfer
    if not source:
        return []
    if source.model:
        path = source.model.format(member=wildcards.member, k=wildcards.k)
        if not os.path.exists(path):
            key = f"kstep.engines.{wildcards.engine}.transfer.model"
            raise WorkflowError(f"{key}: {path}: no such file; train that member there, or mend the path")
        return [path]
    return of_pretraining(MODEL)(wildcards)


def each(path, **rest):
    """`path` of every engine and its k, and all values of `rest`."""
    return [file for name, engine in KSTEP.engines.items() for file in expand(path, engine=name, k=engine.k, **rest)]


def each_training(path):
    """`path` of every training: by engine, k and learned member."""
    files = (
        file
        for name, engine in KSTEP.engines.items()
        for k in engine.k
        for file in of_training(path, name, k, member=list(KSTEP.members))
    )
    return list(dict.fromkeys(files))


def each_rollout(path):
    """`path` of every roll-out: by engine, k and member, molecule and seed."""
    return lambda wildcards: [
        file
        for name, engine in ROLLED.items()
        for file in expand(
            path,
            engine=name,
            k=engine.k,
            member=MEMBERS,
            molecule=passed(name, KSTEP.rollout_splits, PER_MOLECULE),
            seed=KSTEP.seeds,
        )
    ]


def sample_size(wildcards):
    """What the figures are drawn from, for their captions."""
    seeds = f"{len(KSTEP.seeds)} seed" + "s" * (len(KSTEP.seeds) > 1)
    return "; ".join(
        f"{name}: {len(passed(name, KSTEP.rollout_splits, PER_MOLECULE))} molecules ({', '.join(KSTEP.rollout_splits)}), {seeds}, "
        f"{'up to ' * (engine.rollout.walkers == 'auto')}{engine.rollout.most_walkers} walkers of {engine.rollout.time_ps:g} ps"
        f"{' from states of the bursts' * (engine.rollout.start == 'bursts')}"
        for name, engine in ROLLED.items()
    )


def jump(wildcards):
    """What a model and the run that uses it must agree on."""
    engine = PROJECT.engines[wildcards.engine]
    return {
        "engine": wildcards.engine,
        "k": int(wildcards.k),
        "timestep_fs": engine.timestep_fs,
        "temperature_K": engine.temperature_K,
        "constraints": engine.constraints,
    }


def training(wildcards):
    """Settings of a training."""
    engine = KSTEP.engines[wildcards.engine]
    return settings(
        member=wildcards.member,
        network=KSTEP.members[wildcards.member].network,
        loss=engine.loss,
        augmentation=KSTEP.augmentation,
        training=engine.train,
        frozen_layers=engine.transfer.frozen_layers if engine.transfer else 0,
        seed=PROJECT.seed,
    )


def starting(wildcards):
    """What walkers of a roll-out start from; replica 0 is what it is compared with."""
    replica = "<results>/{molecule}/simulate/{engine}/replica1.h5"
    starts = {"replica": replica, "bursts": BURSTS}
    return expand(starts[KSTEP.engines[wildcards.engine].rollout.start], **wildcards)


def rolling(wildcards):
    """Settings of a roll-out; a control has no network to compile."""
    member, told = KSTEP.members.get(wildcards.member), KSTEP.engines[wildcards.engine].rollout
    return settings(
        member=wildcards.member,
        exact=bool(member and member.exact),
        jump=jump(wildcards),
        rollout=told if member else told.model_copy(update={"compile": False}),
        seed=int(wildcards.seed),
    )


def rolled_out(path):
    """A roll-out's file, deleted once it is evaluated where the configuration says so."""
    return path if KSTEP.keep_rollouts else temp(path)


# What is drawn beside the summary: name of the option, files.
BESIDE = {
    "nothing": lambda wildcards: [],
    "history": lambda wildcards: each_training(HISTORY),
    "curves": each_rollout(f"{EVALUATION}.curves.json"),
}
FIGURES = {
    "training": (RUN, "Training curves", "history"),
    "one_jump_error": (RIGHT, "Error of one jump", "nothing"),
    "distributions": (RIGHT, "Bonds, angles and torsions", "curves"),
    "lag_rmsd": (RIGHT, "Motion within one lag", "nothing"),
    "flip_rate": (RIGHT, "Rate of torsion flips", "nothing"),
    "rdf": (RIGHT, "Distances between atoms", "curves"),
    "vdos": (RIGHT, "Vibrational spectrum", "curves"),
    "energy_drift": (RIGHT, "Energy drift without thermostat", "curves"),
    "exactness": (RIGHT, "Exact members", "nothing"),
    "cost": (COST, "Calls and wall-clock", "nothing"),
    "efficiency": (COST, "Independent samples for what they cost", "nothing"),
}
TABLES = {
    "accuracy": (RIGHT, "Accuracy by member", "kstep"),
    "exactness": (RIGHT, "Exactness by member", "kstep"),
    "cost": (COST, "Cost by member", "kstep"),
    "rejections": (DROPPED, "Rejected jumps by reason", "kstep"),
    "dropped": (DROPPED, "Dropped and failed molecules by reason", "molecules"),
}

if not any(member.exact for member in KSTEP.members.values()) and not {"hmc", "hmc-mm"} & {*KSTEP.controls}:
    del FIGURES["exactness"], TABLES["exactness"]  # nothing is tested
