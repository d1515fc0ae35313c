"""One model for each engine and learned member, and each k unless forces alone are learned."""


rule train:
    input:
        windows="<results>/kstep/window/{engine}/k{k}.learning.json",
        bursts=pooled(BURSTS, ".learning"),
        graphs=pooled(GRAPH, ".learning"),
        init=of_source,
    output:
        model=MODEL,
        history=HISTORY,
    log:
        "<results>/logs/train/{engine}.k{k}.{member}.log",
    benchmark:
        "<results>/benchmarks/train/{engine}.k{k}.{member}.tsv"
    wildcard_constraints:
        member="|".join(map(re.escape, KSTEP.members)),
    priority: 1  # the longest jobs, and others wait for them
    conda:
        "../../envs/model.yaml"
    resources:
        mem_mb=memory("train"),
        runtime=minutes("train"),
        gpu=lambda wildcards: DEVICES * KSTEP.engines[wildcards.engine].train.devices,
        device=PROJECT.device,
    params:
        settings=training,
        version=VERSIONS["train"],
        init=flagged("init", "--init"),
        work=scratch("train"),
    message:
        "Training {wildcards.member} on {wildcards.engine}, k = {wildcards.k}"
    shell:
        "budget {resources.runtime}; python -m mdsnake train {input.windows:q} --settings {params.settings:q}"
        " {params.init:q} --device {resources.device} --work {params.work:q} --out {output.model:q}"
        " --history {output.history:q} > {log:q} 2>&1"


rule train_all:
    input:
        each_training(MODEL),
        STAGE_FILES["train"],
