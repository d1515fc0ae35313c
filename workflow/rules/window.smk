"""Where the training data lies: pairs of frames k steps apart, inside bursts only.

A file of the learning part leaves the test molecules out, so that a new one does not train every model again.
"""


rule window:
    input:
        bursts=pooled(BURSTS),
        graphs=pooled(GRAPH),
        screen=ancient("<results>/summary/molecules.csv"),
    output:
        "<results>/kstep/window/{engine}/k{k}{part}.json",
    log:
        "<results>/logs/window/{engine}.k{k}{part}.log",
    benchmark:
        "<results>/benchmarks/window/{engine}.k{k}{part}.tsv"
    conda:
        "../../envs/model.yaml"
    resources:
        mem_mb=memory("window"),
        runtime=minutes("window"),
    params:
        settings=lambda wildcards: settings(
            jump=jump(wildcards),
            stride=KSTEP.window_stride,
            splits=passed(wildcards.engine, PARTS[wildcards.part]),
            validation_fraction=KSTEP.validation_fraction,
            seed=PROJECT.seed,
        ),
        version=VERSIONS["window"],
        prepared=lambda wildcards, input: [
            word for path in input.graphs for word in ("--prepared", os.path.dirname(path))
        ],
        bursts=flagged("bursts", "--trajectory"),
    message:
        "Indexing windows: {wildcards.engine}, k = {wildcards.k}"
    shell:
        "python -m mdsnake window @<(printf '%s\\n' --settings {params.settings:q} {params.prepared:q} {params.bursts:q})"
        " --out {output:q} > {log:q} 2>&1"


rule window_all:
    input:
        each("<results>/kstep/window/{engine}/k{k}{part}.json", part=PARTS),
        STAGE_FILES["window"],
