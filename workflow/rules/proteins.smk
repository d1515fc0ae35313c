"""Proteins, from a file to figures.  No molecule is in it, and nothing is simulated, so the rules are its own."""


rule prepare_protein:
    input:
        lambda wildcards: [source for source in [PROTEINS[wildcards.protein].source] if os.path.exists(source)],
    output:
        PROTEIN,
    log:
        "<results>/logs/prepare_protein/{protein}.log",
    benchmark:
        "<results>/benchmarks/prepare_protein/{protein}.tsv"
    conda:
        "../../envs/protein.yaml"
    resources:
        mem_mb=memory("prepare_protein"),
        runtime=minutes("prepare_protein"),
    params:
        settings=lambda wildcards: settings(
            family="backbone",
            protein=PROTEINS[wildcards.protein].model_copy(update={"split": None}),
            residues=BACKBONE.residues,
            download=BACKBONE.download,
        ),
        version=VERSIONS["prepare"],
        folder=subpath(output[0], parent=True),
        downloads=f"{PROJECT.results}/backbone/downloads",
    message:
        "Reading {wildcards.protein}"
    shell:
        "python -m mdsnake prepare --settings {params.settings:q} --downloads {params.downloads:q}"
        " --out {params.folder:q} > {log:q} 2>&1"


rule window_proteins:
    input:
        expand(PROTEIN, protein=list(PROTEINS)),
    output:
        windows=CROPS,
        card=CARD,
    log:
        "<results>/logs/window_proteins/{task}.log",
    benchmark:
        "<results>/benchmarks/window_proteins/{task}.tsv"
    conda:
        "../../envs/protein.yaml"
    resources:
        mem_mb=memory("window_proteins"),
        runtime=minutes("window_proteins"),
    params:
        settings=lambda wildcards: settings(
            family="backbone",
            residues=BACKBONE.residues,
            split=BACKBONE.split,
            splits={row.name: row.split for row in PROTEINS.values() if row.split},
            cluster=BACKBONE.cluster,
            memorise=BACKBONE.memorise.proteins if wildcards.task == MEMORISE else None,
            seed=PROJECT.seed,
        ),
        version=VERSIONS["window"],
        prepared=lambda wildcards, input: [word for path in input for word in ("--prepared", os.path.dirname(path))],
    message:
        "Indexing windows of proteins: {wildcards.task}"
    shell:
        "python -m mdsnake window @<(printf '%s\\n' --settings {params.settings:q} {params.prepared:q})"
        " --out {output.windows:q} --card {output.card:q} > {log:q} 2>&1"


rule train_proteins:
    input:
        windows=CROPS,
        proteins=expand(PROTEIN, protein=list(PROTEINS)),
    output:
        model=LEARNED,
        history=LEARNING,
    log:
        "<results>/logs/train_proteins/{task}/{member}.seed{seed}.log",
    benchmark:
        "<results>/benchmarks/train_proteins/{task}/{member}.seed{seed}.tsv"
    wildcard_constraints:
        member="|".join(map(re.escape, BACKBONE.members)),
    priority: 1
    conda:
        "../../envs/protein.yaml"
    resources:
        mem_mb=memory("train_proteins"),
        runtime=minutes("train_proteins"),
        gpu=DEVICES * BACKBONE.train.devices,
        device=PROJECT.device,
    params:
        settings=lambda wildcards: settings(
            family="backbone",
            member=wildcards.member,
            network=BACKBONE.members[wildcards.member],
            **training_of(wildcards.task),
            seed=int(wildcards.seed),
        ),
        version=VERSIONS["train"],
        work=scratch("train_proteins"),
    message:
        "Training {wildcards.member} on proteins ({wildcards.task}), seed {wildcards.seed}"
    shell:
        "budget {resources.runtime}; python -m mdsnake train {input.windows:q} --settings {params.settings:q}"
        " --device {resources.device} --work {params.work:q} --out {output.model:q} --history {output.history:q}"
        " > {log:q} 2>&1"


rule rollout_proteins:
    input:
        model=LEARNED,
        motif=motif_of,
    output:
        samples=f"{SAMPLED}/samples.h5",
        structures=directory(f"{SAMPLED}/structures"),
    log:
        "<results>/logs/rollout_proteins/{task}/{member}.seed{seed}.log",
    benchmark:
        "<results>/benchmarks/rollout_proteins/{task}/{member}.seed{seed}.tsv"
    wildcard_constraints:
        member="|".join(map(re.escape, BACKBONE.members)),
    conda:
        "../../envs/protein.yaml"
    resources:
        mem_mb=memory("rollout_proteins"),
        runtime=minutes("rollout_proteins"),
        gpu=DEVICES,
        device=PROJECT.device,
    params:
        settings=lambda wildcards: settings(
            family="backbone",
            member=wildcards.member,
            network=BACKBONE.members[wildcards.member],
            sample=sample_of(wildcards.task),
            seed=int(wildcards.seed),
        ),
        version=VERSIONS["rollout"],
        motif=flagged("motif", "--motif"),
        work=scratch("rollout_proteins"),
    message:
        "Sampling proteins from {wildcards.member} ({wildcards.task}), seed {wildcards.seed}"
    shell:
        "budget {resources.runtime}; python -m mdsnake rollout --settings {params.settings:q} --model {input.model:q}"
        " {params.motif:q} --device {resources.device} --work {params.work:q} --out {output.samples:q}"
        " --structures {output.structures:q} > {log:q} 2>&1"


rule evaluate_proteins:
    input:
        windows=CROPS,
        proteins=expand(PROTEIN, protein=list(PROTEINS)),
        model=LEARNED,
        history=LEARNING,
        samples=f"{SAMPLED}/samples.h5",
    output:
        table=f"{SCORED}.csv",
        curves=f"{SCORED}.curves.json",
    log:
        "<results>/logs/evaluate_proteins/{task}/{member}.seed{seed}.log",
    benchmark:
        "<results>/benchmarks/evaluate_proteins/{task}/{member}.seed{seed}.tsv"
    wildcard_constraints:
        member="|".join(map(re.escape, BACKBONE.members)),
    conda:
        "../../envs/protein.yaml"
    resources:
        mem_mb=memory("evaluate_proteins"),
        runtime=minutes("evaluate_proteins"),
        gpu=DEVICES,
        device=PROJECT.device,
    params:
        settings=lambda wildcards: settings(
            family="backbone",
            member=wildcards.member,
            network=BACKBONE.members[wildcards.member],
            seed=int(wildcards.seed),
        ),
        version=VERSIONS["evaluate"],
    message:
        "Evaluating proteins of {wildcards.member} ({wildcards.task}), seed {wildcards.seed}"
    shell:
        "python -m mdsnake evaluate --settings {params.settings:q} --windows {input.windows:q} --model {input.model:q}"
        " --samples {input.samples:q} --history {input.history:q} --device {resources.device} --out {output.table:q}"
        " --curves {output.curves:q} > {log:q} 2>&1"


rule baselines_proteins:
    input:
        windows=CROPS,
        proteins=expand(PROTEIN, protein=list(PROTEINS)),
    output:
        table=f"{CONTROL_CHAINS}.csv",
        curves=f"{CONTROL_CHAINS}.curves.json",
    log:
        "<results>/logs/baselines_proteins/{task}.log",
    benchmark:
        "<results>/benchmarks/baselines_proteins/{task}.tsv"
    conda:
        "../../envs/protein.yaml"
    resources:
        mem_mb=memory("baselines_proteins"),
        runtime=minutes("baselines_proteins"),
    params:
        settings=lambda wildcards: settings(family="backbone", sample=sample_of(wildcards.task), seed=PROJECT.seed),
        version=VERSIONS["evaluate"],
    message:
        "Judging natives and random walks ({wildcards.task})"
    shell:
        "python -m mdsnake baselines {input.windows:q} --settings {params.settings:q} --out {output.table:q}"
        " --curves {output.curves:q} > {log:q} 2>&1"


rule summarize_backbone:
    input:
        lambda wildcards: of_members(f"{SCORED}.curves.json", wildcards.task),
        f"{CONTROL_CHAINS}.curves.json",
    output:
        report(
            BACKBONE_SCORES,
            caption="../report/backbone/summary.rst",
            category=BACKBONES,
            labels={"result": "All numbers of {task}", "kind": "CSV"},
        ),
    log:
        "<results>/logs/summarize_backbone/{task}.log",
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=memory("gather"),
        runtime=minutes("gather"),
    params:
        version=VERSIONS["evaluate"],
    message:
        "Gathering all numbers in {output}"
    shell:
        "python -m mdsnake summarize @<(printf '%s\\n' {input:q}) --family backbone --out {output:q} > {log:q} 2>&1"


for figure, title in BACKBONE_FIGURES.items():

    rule:
        name:
            f"figure_backbone_{figure}"
        input:
            summary=BACKBONE_SCORES,
            beside=drawn_from(figure),
        output:
            report(
                f"<results>/figures/{{task}}/{figure}.png",
                caption=f"../report/backbone/{figure}.rst",
                category=BACKBONES,
                labels={"result": f"{title} ({{task}})", "kind": "figure"},
            ),
        log:
            f"<results>/logs/figure/{{task}}/{figure}.log",
        conda:
            "../../envs/report.yaml"
        resources:
            mem_mb=memory("gather"),
            runtime=minutes("gather"),
        params:
            name=figure,
            beside=flagged("beside", "--history" if figure == "learning" else "--curves"),
            version=VERSIONS["evaluate"],
        message:
            "Drawing {output}"
        shell:
            "python -m mdsnake figure {params.name} {input.summary:q} @<(printf '%s\\n' {params.beside:q})"
            " --family backbone --out {output:q} > {log:q} 2>&1"


for table, title in (BACKBONE_TABLES | MEMORISE_TABLES).items():

    rule:
        name:
            f"table_backbone_{table}"
        input:
            CARD if table == "data" else BACKBONE_SCORES,
        output:
            report(
                f"<results>/tables/{{task}}/{table}.html",
                caption=f"../report/backbone/table_{table}.rst",
                category=BACKBONES,
                labels={"result": f"{title} ({{task}})", "kind": "table"},
            ),
        log:
            f"<results>/logs/table/{{task}}/{table}.log",
        conda:
            "../../envs/report.yaml"
        resources:
            mem_mb=memory("gather"),
            runtime=minutes("gather"),
        params:
            name=table,
            version=VERSIONS["evaluate"],
        message:
            "Writing {output}"
        shell:
            "python -m mdsnake table {params.name} {input:q} --family backbone --out {output:q} > {log:q} 2>&1"


rule memorise:
    input:
        expand(BACKBONE_SCORES, task=MEMORISE),
        expand("<results>/figures/{task}/{figure}.png", task=MEMORISE, figure=MEMORISE_FIGURES),
        expand("<results>/tables/{task}/{table}.html", task=MEMORISE, table=MEMORISE_TABLES),


rule backbone:
    input:
        expand(BACKBONE_SCORES, task="backbone"),
        expand("<results>/figures/{task}/{figure}.png", task="backbone", figure=BACKBONE_FIGURES),
        expand("<results>/tables/{task}/{table}.html", task="backbone", table=BACKBONE_TABLES),
