"""From SMILES to an evaluated propagator: prepare, simulate, window, train, roll out, evaluate."""

from snakemake.utils import min_version

min_version("9.20")

if not workflow.overwrite_configfiles:

    configfile: "config/config.yaml"


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/failures.smk"
include: "workflow/rules/kstep.smk"
include: "workflow/rules/resources.smk"


if PROJECT.trajbert:

    include: "workflow/rules/trajbert.smk"
    include: "workflow/rules/surface.smk"


if PROJECT.backbone:

    include: "workflow/rules/backbone.smk"
    include: "workflow/rules/proteins.smk"


include: "workflow/rules/prepare.smk"
include: "workflow/rules/simulate.smk"
include: "workflow/rules/window.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/rollout.smk"
include: "workflow/rules/evaluate.smk"


rule kstep:
    input:
        expand("<results>/figures/kstep/{figure}.png", figure=FIGURES),
        expand("<results>/tables/kstep/{table}.html", table=TABLES),
        "<results>/summary/molecules.csv",
        "<results>/summary/kstep.csv",


rule all:
    default_target: True
    input:
        rules.kstep.input,
        rules.trajbert.input if PROJECT.trajbert else [],
        [rules.backbone.input, rules.memorise.input] if PROJECT.backbone else [],
