"""One model for each engine, k and learned member."""


rule train:
    input:
        windows="<results>/kstep/window/{engine}/k{k}.learning.json",
        bursts=pooled(BURSTS, ".learning"),
        graphs=pooled(GRAPH, ".learning"),
        pretrained=of_source(MODEL),
    output:
        model=MODEL,
        history=HISTORY,
    log:
        "<results>/logs/train/{engine}.k{k}.{member}.log",
    wildcard_constraints:
        member="|".join(map(re.escape, KSTEP.members)),
    priority: 1  # the longest jobs, and others wait for them
    conda:
        "../../envs/model.yaml"
    resources:
        mem_mb=lambda wildcards, input, attempt: attempt * (4000 + 8 * input.size_mb),
        runtime=lambda wildcards, attempt: 720 * attempt,
        gpu=lambda wildcards: DEVICES * KSTEP.engines[wildcards.engine].train.devices,
        device=PROJECT.device,
    params:
        settings=training,
        version=VERSIONS["train"],
        pretrained=flagged("pretrained", "--pretrained"),
        work=scratch("train"),
    message:
        "Training {wildcards.member} on {wildcards.engine}, k = {wildcards.k}"
    shell:
        "python -m mdsnake train {input.windows} --settings {params.settings:q} {params.pretrained:q}"
        " --device {resources.device} --work {params.work} --out {output.model} --history {output.history} > {log} 2>&1"


rule train_all:
    input:
        each(MODEL, member=list(KSTEP.members)),
