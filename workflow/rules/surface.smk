"""Walkers on a surface, from what is known of it exactly to figures.  No molecule is in it, so the rules are its own."""


rule prepare_surface:
    output:
        SURFACE,
        "<results>/trajbert/prepare/{system}/surface.json",
    log:
        "<results>/logs/prepare_surface/{system}.log",
    benchmark:
        "<results>/benchmarks/prepare_surface/{system}.tsv"
    conda:
        "../../envs/md.yaml"
    resources:
        mem_mb=memory("prepare_surface"),
        runtime=minutes("prepare_surface"),
    params:
        settings=lambda wildcards: on_surface(wildcards),
        version=VERSIONS["prepare"],
        folder=subpath(output[0], parent=True),
    message:
        "Solving the dynamics of {wildcards.system}"
    shell:
        "python -m mdsnake prepare --settings {params.settings:q} --out {params.folder:q} > {log:q} 2>&1"


rule simulate_surface:
    input:
        rules.prepare_surface.output,
    output:
        WALKERS,
    log:
        "<results>/logs/simulate_surface/{system}.{run}.log",
    benchmark:
        "<results>/benchmarks/simulate_surface/{system}.{run}.tsv"
    conda:
        "../../envs/md.yaml"
    resources:
        mem_mb=memory("simulate_surface"),
        runtime=minutes("simulate_surface"),
    params:
        settings=lambda wildcards: on_surface(
            wildcards, extent=TRAJBERT.trajectories.of(wildcards.run), seed=PROJECT.seed
        ),
        version=VERSIONS["simulate"],
        prepared=subpath(input[0], parent=True),
        work=scratch("simulate_surface"),
    message:
        "Simulating walkers on {wildcards.system}: {wildcards.run}"
    shell:
        "budget {resources.runtime}; python -m mdsnake simulate {params.prepared:q} --settings {params.settings:q}"
        " --run {wildcards.run} --work {params.work:q} --out {output:q} > {log:q} 2>&1"


rule window_surface:
    input:
        surface=SURFACE,
        walkers=lambda wildcards: expand(WALKERS, **wildcards, run=RUNS[:3]),
    output:
        WALKERS_WINDOWS,
    log:
        "<results>/logs/window_surface/{system}.log",
    benchmark:
        "<results>/benchmarks/window_surface/{system}.tsv"
    conda:
        "../../envs/model.yaml"
    resources:
        mem_mb=memory("window_surface"),
        runtime=minutes("window_surface"),
    params:
        settings=lambda wildcards: on_surface(wildcards, window=TRAJBERT.window),
        version=VERSIONS["window"],
        files=lambda wildcards, input: [
            word
            for path in input.walkers
            for word in ("--prepared", os.path.dirname(input.surface), "--trajectory", path)
        ],
    message:
        "Indexing windows of {wildcards.system}"
    shell:
        "python -m mdsnake window --settings {params.settings:q} {params.files:q} --out {output:q} > {log:q} 2>&1"


rule train_surface:
    input:
        windows=WALKERS_WINDOWS,
        walkers=lambda wildcards: expand(WALKERS, system=wildcards.system, run=RUNS[:2]),
    output:
        model=TRAINED,
        history=CURVES,
    log:
        "<results>/logs/train_surface/{system}.{member}.seed{seed}.log",
    benchmark:
        "<results>/benchmarks/train_surface/{system}.{member}.seed{seed}.tsv"
    wildcard_constraints:
        member="|".join(TRAJBERT.members),
    priority: 1
    conda:
        "../../envs/model.yaml"
    resources:
        mem_mb=memory("train_surface"),
        runtime=minutes("train_surface"),
        gpu=DEVICES * TRAJBERT.train.devices,
        device=PROJECT.device,
    params:
        settings=lambda wildcards: settings(
            family="trajbert",
            member=wildcards.member,
            network=TRAJBERT.network(wildcards.member),
            loss=TRAJBERT.loss,
            training=TRAJBERT.train,
            seed=int(wildcards.seed),
        ),
        version=VERSIONS["train"],
        work=scratch("train_surface"),
    message:
        "Training {wildcards.member} on {wildcards.system}, seed {wildcards.seed}"
    shell:
        "budget {resources.runtime}; python -m mdsnake train {input.windows:q} --settings {params.settings:q}"
        " --device {resources.device} --work {params.work:q} --out {output.model:q} --history {output.history:q}"
        " > {log:q} 2>&1"


rule rollout_surface:
    input:
        surface=SURFACE,
        start=lambda wildcards: expand(WALKERS, system=wildcards.system, run="replica1"),
        model=TRAINED,
    output:
        GENERATED,
    log:
        "<results>/logs/rollout_surface/{system}.{member}.seed{seed}.{how}.log",
    benchmark:
        "<results>/benchmarks/rollout_surface/{system}.{member}.seed{seed}.{how}.tsv"
    wildcard_constraints:
        member="|".join(TRAJBERT.members),
    conda:
        "../../envs/model.yaml"
    resources:
        mem_mb=memory("rollout_surface"),
        runtime=minutes("rollout_surface"),
        gpu=DEVICES,
        device=PROJECT.device,
    params:
        settings=lambda wildcards: on_surface(
            wildcards, member=wildcards.member, how=wildcards.how, rollout=TRAJBERT.rollout, seed=int(wildcards.seed)
        ),
        version=VERSIONS["rollout"],
        prepared=subpath(input.surface, parent=True),
        work=scratch("rollout_surface"),
    message:
        "Rolling out {wildcards.member} on {wildcards.system}, {wildcards.how}, seed {wildcards.seed}"
    shell:
        "budget {resources.runtime}; python -m mdsnake rollout {params.prepared:q} --settings {params.settings:q}"
        " --start {input.start:q} --model {input.model:q} --device {resources.device} --work {params.work:q}"
        " --out {output:q} > {log:q} 2>&1"


rule evaluate_surface:
    input:
        unpack(of_rollout),
        surface=SURFACE,
        windows=WALKERS_WINDOWS,
        test=lambda wildcards: expand(WALKERS, system=wildcards.system, run="test"),
        replica=lambda wildcards: expand(WALKERS, system=wildcards.system, run="replica0"),
        model=TRAINED,
    output:
        table=f"{JUDGED}.csv",
        curves=f"{JUDGED}.curves.json",
    log:
        "<results>/logs/evaluate_surface/{system}.{member}.seed{seed}.log",
    benchmark:
        "<results>/benchmarks/evaluate_surface/{system}.{member}.seed{seed}.tsv"
    wildcard_constraints:
        member="|".join(TRAJBERT.members),
    conda:
        "../../envs/model.yaml"
    resources:
        mem_mb=memory("evaluate_surface"),
        runtime=minutes("evaluate_surface"),
        gpu=DEVICES,
        device=PROJECT.device,
    params:
        settings=lambda wildcards: on_surface(
            wildcards, member=wildcards.member, rollout=TRAJBERT.rollout, seed=int(wildcards.seed)
        ),
        version=VERSIONS["evaluate"],
        prepared=subpath(input.surface, parent=True),
        sampled=flagged("sampled", "--sampled"),
    message:
        "Evaluating {wildcards.member} on {wildcards.system}, seed {wildcards.seed}"
    shell:
        "python -m mdsnake evaluate {params.prepared:q} --settings {params.settings:q} --windows {input.windows:q}"
        " --model {input.model:q} {params.sampled:q} --deterministic {input.deterministic:q} --replica {input.replica:q}"
        " --device {resources.device} --out {output.table:q} --curves {output.curves:q} > {log:q} 2>&1"


rule baselines:
    input:
        surface=SURFACE,
        windows=WALKERS_WINDOWS,
        walkers=lambda wildcards: expand(WALKERS, system=wildcards.system, run=RUNS[:3]),
        replica=lambda wildcards: expand(WALKERS, system=wildcards.system, run="replica0"),
    output:
        f"{WITHOUT_MODEL}.csv",
    log:
        "<results>/logs/baselines/{system}.log",
    benchmark:
        "<results>/benchmarks/baselines/{system}.tsv"
    conda:
        "../../envs/model.yaml"
    resources:
        mem_mb=memory("baselines"),
        runtime=minutes("baselines"),
    params:
        settings=lambda wildcards: on_surface(
            wildcards, baselines=TRAJBERT.baselines, rollout=TRAJBERT.rollout, seed=PROJECT.seed
        ),
        version=VERSIONS["evaluate"],
    message:
        "Fitting baselines on {wildcards.system}"
    shell:
        "python -m mdsnake baselines {input.windows:q} --settings {params.settings:q} --replica {input.replica:q}"
        " --out {output:q} > {log:q} 2>&1"


rule summarize_trajbert:
    input:
        STAGE_FILES["evaluate"],
    output:
        report(
            SCORES,
            caption="../report/trajbert/summary.rst",
            category=TRAJECTORY_MODELS,
            labels={"result": "All numbers", "kind": "CSV"},
        ),
    log:
        "<results>/logs/summarize_trajbert.log",
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
        "python -m mdsnake summarize @<(printf '%s\\n' {input:q}) --family trajbert --out {output:q} > {log:q} 2>&1"


for figure, title in SURFACE_FIGURES.items():

    rule:
        name:
            f"figure_{figure}"
        input:
            summary=SCORES,
            beside=CURVES_OF.get(figure, []),
        output:
            report(
                f"<results>/figures/trajbert/{figure}.png",
                caption=f"../report/trajbert/{figure}.rst",
                category=TRAJECTORY_MODELS,
                labels={"result": title, "kind": "figure"},
            ),
        log:
            f"<results>/logs/figure/{figure}.log",
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
            " --family trajbert --out {output:q} > {log:q} 2>&1"


for table, title in SURFACE_TABLES.items():

    rule:
        name:
            f"table_{table}"
        input:
            SCORES,
        output:
            report(
                f"<results>/tables/trajbert/{table}.html",
                caption=f"../report/trajbert/table_{table}.rst",
                category=TRAJECTORY_MODELS,
                labels={"result": title, "kind": "table"},
            ),
        log:
            f"<results>/logs/table/{table}.log",
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
            "python -m mdsnake table {params.name} {input:q} --family trajbert --out {output:q} > {log:q} 2>&1"


rule trajbert:
    input:
        SCORES,
        expand("<results>/figures/trajbert/{figure}.png", figure=SURFACE_FIGURES),
        expand("<results>/tables/trajbert/{table}.html", table=SURFACE_TABLES),
