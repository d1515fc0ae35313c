"""The family backbone: its proteins, members, paths, settings, figures and tables; no rule."""

BACKBONE = PROJECT.backbone
try:
    PROTEINS = {row.name: row for row in PROJECT.read_proteins()}
except UserError as error:
    raise WorkflowError(str(error)) from None

#: The memorisation test is the same chain of stages, on a few proteins.
MEMORISE = "backbone/memorise"
BACKBONES = "5 Protein backbones" if not PROJECT.trajbert else "6 Protein backbones"

PROTEIN = "<results>/backbone/prepare/{protein}/backbone.npz"
CROPS = "<results>/{task}/window/windows.json"
CARD = "<results>/{task}/window/card.json"
LEARNED = "<results>/{task}/train/{member}/seed{seed}/model.safetensors"
LEARNING = "<results>/{task}/train/{member}/seed{seed}/history.csv"
SAMPLED = "<results>/{task}/rollout/{member}/seed{seed}"
SCORED = "<results>/{task}/evaluate/{member}/seed{seed}"
CONTROL_CHAINS = "<results>/{task}/evaluate/baselines"
BACKBONE_SCORES = "<results>/summary/{task}.csv"

BACKBONE_FIGURES = {
    "learning": "Training curves",
    "denoising": "Denoising in one step",
    "geometry": "Bonds and angles",
    "ramachandran": "Ramachandran maps",
    "size": "Radius of gyration",
    "content": "Helix and strand",
    "likeness": "Novelty and diversity",
}
BACKBONE_TABLES = {"models": "Models and controls", "data": "Proteins"}
MEMORISE_FIGURES = {"learning": "Training curves", "denoising": "Denoising in one step"}
MEMORISE_TABLES = {"memorised": "Memorisation test", "data": "Proteins"}


def of_members(path, task="backbone", **rest):
    """`path` of every member and seed."""
    return expand(path, task=task, member=list(BACKBONE.members), seed=BACKBONE.seeds, **rest)


def drawn_from(figure):
    """What a figure is drawn from besides the summary."""
    if figure == "learning":
        return lambda wildcards: of_members(LEARNING, wildcards.task)
    own = lambda wildcards: of_members(f"{SCORED}.curves.json", wildcards.task)
    controls = lambda wildcards: expand(f"{CONTROL_CHAINS}.curves.json", task=wildcards.task)
    return own if figure == "denoising" else lambda wildcards: own(wildcards) + controls(wildcards)


def training_of(task):
    """The trainer's settings, and what is seen and learned; to memorise, each step sees every protein, uncropped, without
    motif, and nothing stops early."""
    if task != MEMORISE:
        same = ("cropped", "scaffolded", "shape_weight")
        return {"training": BACKBONE.train} | {key: getattr(BACKBONE, key) for key in same}
    told = BACKBONE.memorise
    few = {"max_steps": told.steps, "batch_size": told.proteins, "patience": 10**6}
    training = BACKBONE.train.model_copy(update=few)
    return {"training": training, "cropped": 0.0, "scaffolded": 0.0, "shape_weight": told.shape_weight}


def sample_of(task):
    """What is sampled; to memorise, chains as long as those that were learned."""
    if task != MEMORISE:
        return BACKBONE.sample
    return BACKBONE.sample.model_copy(update={"lengths": "training", "motif": None})


def motif_of(wildcards):
    """The prepared protein that a motif is cut from."""
    motif = sample_of(wildcards.task).motif
    return expand(PROTEIN, protein=motif.protein) if motif else []


STAGE_FILES["prepare"] += expand(PROTEIN, protein=list(PROTEINS))
STAGE_FILES["window"] += expand(CROPS, task="backbone")
STAGE_FILES["train"] += of_members(LEARNED)
STAGE_FILES["rollout"] += of_members(f"{SAMPLED}/samples.h5")
STAGE_FILES["evaluate"] += of_members(f"{SCORED}.csv") + expand(f"{CONTROL_CHAINS}.csv", task="backbone")


wildcard_constraints:
    protein="|".join(map(re.escape, PROTEINS)),
    task=f"backbone|{MEMORISE}",
