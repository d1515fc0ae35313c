"""The family trajbert: its members, paths, settings, figures and tables; no rule."""

TRAJBERT = PROJECT.trajbert
TRAJECTORY_MODELS = "5 Trajectory models"

SURFACE = "<results>/trajbert/prepare/{system}/exact.json"
WALKERS = "<results>/trajbert/simulate/{system}/{run}.h5"
WALKERS_WINDOWS = "<results>/trajbert/window/{system}.json"
TRAINED = "<results>/trajbert/train/{system}/{member}/seed{seed}/model.safetensors"
CURVES = "<results>/trajbert/train/{system}/{member}/seed{seed}/history.csv"
GENERATED = "<results>/trajbert/rollout/{system}/{member}/seed{seed}/{how}.h5"
JUDGED = "<results>/trajbert/evaluate/{system}/{member}/seed{seed}"
WITHOUT_MODEL = "<results>/trajbert/evaluate/{system}/baselines"
SCORES = "<results>/summary/trajbert.csv"

RUNS = ("train", "validation", "test", "replica0", "replica1")
SURFACE_FIGURES = {
    "learning": "Training curves",
    "classification": "Basin entered next",
    "later_slices": "Later slices of a trajectory",
    "attention": "Attention by head",
    "attention_time": "Attention by time difference",
    "density": "Density of generated walkers",
    "kinetics": "Kinetics of generated walkers",
    "speed": "Speed of generation",
}
SURFACE_TABLES = {"claims": "Claims of the source", "models": "Models and baselines"}


def every(path, **rest):
    """`path` of every system, member and seed, and all values of `rest`."""
    return expand(path, system=list(TRAJBERT.systems), member=TRAJBERT.members, seed=TRAJBERT.seeds, **rest)


def hows(member):
    """How a member generates."""
    return TRAJBERT.network(member).hows


def on_surface(wildcards, **parts):
    """Settings of a job of a system."""
    return settings(family="trajbert", name=wildcards.system, system=TRAJBERT.systems[wildcards.system], **parts)


def of_rollout(wildcards):
    """Roll-outs of a member by how they are made."""
    return {how: expand(GENERATED, **wildcards, how=how) for how in hows(wildcards.member)}


STAGE_FILES["prepare"] += expand(SURFACE, system=list(TRAJBERT.systems))
STAGE_FILES["simulate"] += expand(WALKERS, system=list(TRAJBERT.systems), run=RUNS)
STAGE_FILES["window"] += expand(WALKERS_WINDOWS, system=list(TRAJBERT.systems))
STAGE_FILES["train"] += every(TRAINED)
STAGE_FILES["rollout"] += [
    file
    for member in TRAJBERT.members
    for file in expand(GENERATED, system=list(TRAJBERT.systems), member=member, seed=TRAJBERT.seeds, how=hows(member))
]
STAGE_FILES["evaluate"] += every(f"{JUDGED}.csv") + expand(f"{WITHOUT_MODEL}.csv", system=list(TRAJBERT.systems))
CURVES_OF = {
    "learning": every(CURVES),
    **dict.fromkeys(("later_slices", "attention", "attention_time", "density"), every(f"{JUDGED}.curves.json")),
}


wildcard_constraints:
    system="|".join(TRAJBERT.systems),
    run="|".join(RUNS),
    how="sampled|deterministic",
