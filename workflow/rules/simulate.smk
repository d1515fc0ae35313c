"""Reference dynamics: replicas to compare with, bursts to learn from."""


rule simulate:
    input:
        rules.prepare.output,
    output:
        "<results>/{molecule}/simulate/{engine}/replica{replica}.h5",
    log:
        "<results>/logs/simulate/{molecule}.{engine}.replica{replica}.log",
    conda:
        "../../envs/md.yaml"
    resources:
        mem_mb=2000,
        runtime=lambda wildcards, attempt: 720 * attempt,
        gpu=on_gpu,
    params:
        settings=simulation,
        version=VERSIONS["simulate"],
        prepared=subpath(input[0], parent=True),
        work=scratch("simulate"),
    message:
        "Simulating {wildcards.molecule} with {wildcards.engine}, replica {wildcards.replica}"
    shell:
        "python -m mdsnake simulate {params.prepared} --settings {params.settings:q} --replica {wildcards.replica}"
        " --work {params.work} --out {output} > {log} 2>&1"


rule bursts:
    input:
        rules.prepare.output,
    output:
        BURSTS,
    log:
        "<results>/logs/bursts/{molecule}.{engine}.log",
    conda:
        "../../envs/md.yaml"
    resources:
        mem_mb=2000,
        runtime=lambda wildcards, attempt: 720 * attempt,
        gpu=on_gpu,
    params:
        settings=simulation,
        version=VERSIONS["simulate"],
        prepared=subpath(input[0], parent=True),
        work=scratch("bursts"),
    message:
        "Simulating {wildcards.molecule} with {wildcards.engine}, bursts"
    shell:
        "python -m mdsnake simulate {params.prepared} --settings {params.settings:q} --bursts"
        " --work {params.work} --out {output} > {log} 2>&1"


rule simulate_all:
    input:
        lambda wildcards: [
            expand("<results>/{molecule}/simulate/{engine}/{run}.h5", molecule=passed(name), engine=name, run=runs)
            for name, engine in PROJECT.engines.items()
            for runs in [["bursts", *(f"replica{replica}" for replica in range(engine.replicas))]]
        ],
