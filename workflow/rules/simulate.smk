"""Reference dynamics: replicas to compare with, bursts to learn from."""


rule simulate:
    input:
        rules.prepare.output,
    output:
        "<results>/{molecule}/simulate/{engine}/replica{replica}.h5",
    log:
        "<results>/logs/simulate/{molecule}.{engine}.replica{replica}.log",
    benchmark:
        "<results>/benchmarks/simulate/{molecule}.{engine}.replica{replica}.tsv"
    conda:
        "../../envs/md.yaml"
    resources:
        mem_mb=memory("simulate"),
        runtime=minutes("simulate"),
        gpu=on_gpu,
    params:
        settings=simulation,
        version=VERSIONS["simulate"],
        prepared=subpath(input[0], parent=True),
        work=scratch("simulate"),
    message:
        "Simulating {wildcards.molecule} with {wildcards.engine}, replica {wildcards.replica}"
    shell:
        "budget {resources.runtime}; python -m mdsnake simulate {params.prepared:q} --settings {params.settings:q} --run replica{wildcards.replica}"
        " --work {params.work:q} --out {output:q} > {log:q} 2>&1"


rule bursts:
    input:
        rules.prepare.output,
        start=started,
    output:
        BURSTS,
    log:
        "<results>/logs/bursts/{molecule}.{engine}.log",
    benchmark:
        "<results>/benchmarks/bursts/{molecule}.{engine}.tsv"
    conda:
        "../../envs/md.yaml"
    resources:
        mem_mb=memory("bursts"),
        runtime=minutes("bursts"),
        gpu=on_gpu,
    params:
        settings=lambda wildcards: simulation(wildcards, bursts=True),
        version=VERSIONS["simulate"],
        prepared=subpath(input[0], parent=True),
        work=scratch("bursts"),
        start=flagged("start", "--start"),
    message:
        "Simulating {wildcards.molecule} with {wildcards.engine}, bursts"
    shell:
        "budget {resources.runtime}; python -m mdsnake simulate {params.prepared:q} --settings {params.settings:q} --run bursts"
        " {params.start:q} --work {params.work:q} --out {output:q} > {log:q} 2>&1"


rule simulate_all:
    input:
        lambda wildcards: [
            file
            for name, engine in PROJECT.engines.items()
            for run in ["bursts", *(f"replica{replica}" for replica in range(engine.replicas))]
            for file in expand(
                "<results>/{molecule}/simulate/{engine}/{run}.h5", molecule=passed(name), engine=name, run=run
            )
        ],
        STAGE_FILES["simulate"],
