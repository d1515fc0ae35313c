"""Every propagator beside the noise floor and the controls, in one table; figures and tables are drawn from it."""


rule jumps:
    input:
        windows="<results>/kstep/window/{engine}/k{k}.json",
        bursts=pooled(BURSTS, ""),
        graphs=pooled(GRAPH, ""),
        models=lambda wildcards: of_training(MODEL, **wildcards, member=list(KSTEP.members)),
    output:
        "<results>/kstep/evaluate/{engine}/k{k}/jumps.csv",
    log:
        "<results>/logs/jumps/{engine}.k{k}.log",
    benchmark:
        "<results>/benchmarks/jumps/{engine}.k{k}.tsv"
    conda:
        "../../envs/model.yaml"
    resources:
        mem_mb=memory("jumps"),
        runtime=minutes("jumps"),
        gpu=DEVICES,
        device=PROJECT.device,
    params:
        settings=lambda wildcards: settings(
            controls=JUMPING, jump=jump(wildcards), engine=PROJECT.engines[wildcards.engine].plain, seed=PROJECT.seed
        ),
        version=VERSIONS["evaluate"],
        models=flagged("models", "--model"),
    message:
        "Judging single jumps: {wildcards.engine}, k = {wildcards.k}"
    shell:
        "python -m mdsnake jumps {input.windows:q} --settings {params.settings:q} {params.models:q}"
        " --device {resources.device} --out {output:q} > {log:q} 2>&1"


rule evaluate:
    input:
        rules.prepare.output,
        nvt=rules.rollout.output.nvt,
        nve=rules.rollout.output.nve,
        reference="<results>/{molecule}/simulate/{engine}/replica0.h5",
        replica="<results>/{molecule}/simulate/{engine}/replica1.h5",
        history=of_member(HISTORY),
        pretraining=of_pretraining(HISTORY),
        screen=ancient("<results>/summary/molecules.csv"),
    output:
        table=f"{EVALUATION}.csv",
        curves=f"{EVALUATION}.curves.json",
    log:
        "<results>/logs/evaluate/{molecule}.{engine}.k{k}.{member}.seed{seed}.log",
    benchmark:
        "<results>/benchmarks/evaluate/{molecule}.{engine}.k{k}.{member}.seed{seed}.tsv"
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=memory("evaluate"),
        runtime=minutes("evaluate"),
    params:
        settings=lambda wildcards: settings(
            molecule=wildcards.molecule,
            split=split_of(wildcards.molecule),
            engine=wildcards.engine,
            member=wildcards.member,
            k=int(wildcards.k),
            timestep_fs=PROJECT.engines[wildcards.engine].timestep_fs,
            temperature_K=PROJECT.engines[wildcards.engine].temperature_K,
            seed=int(wildcards.seed),
        ),
        version=VERSIONS["evaluate"],
        prepared=subpath(input[0], parent=True),
        history=flagged("history", "--history"),
        pretraining=flagged("pretraining", "--pretraining"),
    message:
        "Evaluating {wildcards.member}: {wildcards.molecule}, {wildcards.engine}, k = {wildcards.k}, seed {wildcards.seed}"
    shell:
        "python -m mdsnake evaluate {params.prepared:q} --settings {params.settings:q} --rollout {input.nvt:q}"
        " --nve {input.nve:q} --reference {input.reference:q} --replica {input.replica:q} {params.history:q}"
        " {params.pretraining:q} --out {output.table:q} --curves {output.curves:q} > {log:q} 2>&1"


rule summarize:
    input:
        runs=each_rollout(f"{EVALUATION}.csv"),
        jumps=each(rules.jumps.output[0]),
    output:
        table=report(
            "<results>/summary/kstep.csv",
            caption="../report/summary.rst",
            category=RIGHT,
            labels={"result": "All numbers", "kind": "CSV"},
        ),
    log:
        "<results>/logs/summarize.log",
    benchmark:
        "<results>/benchmarks/summarize.tsv"
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
        "python -m mdsnake summarize @<(printf '%s\\n' {input:q}) --out {output:q} > {log:q} 2>&1"


rule evaluate_all:
    input:
        rules.summarize.input.runs,
        rules.summarize.input.jumps,
        STAGE_FILES["evaluate"],


for figure, (category, title, beside) in FIGURES.items():

    rule:
        name:
            f"figure_{figure}"
        input:
            summary=rules.summarize.output.table,
            beside=BESIDE[beside],
            screen=ancient("<results>/summary/molecules.csv"),
        output:
            report(
                f"<results>/figures/kstep/{figure}.png",
                caption=f"../report/{figure}.rst",
                category=category,
                labels={"result": title, "kind": "figure"},
            ),
        log:
            f"<results>/logs/figure/{figure}.log",
        benchmark:
            f"<results>/benchmarks/figure/{figure}.tsv"
        conda:
            "../../envs/report.yaml"
        resources:
            mem_mb=memory("gather"),
            runtime=minutes("gather"),
        params:
            name=figure,
            beside=flagged("beside", f"--{beside}"),
            n=sample_size,
            version=VERSIONS["evaluate"],
        message:
            "Drawing {output}"
        shell:
            "python -m mdsnake figure {params.name} {input.summary:q} @<(printf '%s\\n' {params.beside:q})"
            " --out {output:q} > {log:q} 2>&1"


for table, (category, title, source) in TABLES.items():

    rule:
        name:
            f"table_{table}"
        input:
            summary=f"<results>/summary/{source}.csv",
            failed=[FAILED] if source == "molecules" and LEFT_OUT else [],
        output:
            report(
                f"<results>/tables/kstep/{table}.html",
                caption=f"../report/table_{table}.rst",
                category=category,
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
            failed=flagged("failed", "--failed"),
            version=VERSIONS["evaluate"],
        message:
            "Writing {output}"
        shell:
            "python -m mdsnake table {params.name} {input.summary:q} {params.failed:q} --out {output:q} > {log:q} 2>&1"
