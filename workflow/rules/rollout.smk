"""A propagator at work, from states of the engine's own dynamics; the plain integrators are members like any other."""


rule rollout:
    input:
        rules.prepare.output,
        start=starting,
        model=of_member(MODEL),
    output:
        nvt=rolled_out(f"{ROLLOUT}.h5"),
        nve=rolled_out(f"{ROLLOUT}.nve.h5"),
    log:
        "<results>/logs/rollout/{molecule}.{engine}.k{k}.{member}.seed{seed}.log",
    benchmark:
        "<results>/benchmarks/rollout/{molecule}.{engine}.k{k}.{member}.seed{seed}.tsv"
    conda:
        "../../envs/model.yaml"
    resources:
        mem_mb=memory("rollout"),
        runtime=minutes("rollout"),
        gpu=lambda wildcards: DEVICES * (wildcards.member in KSTEP.members),
        device=PROJECT.device,
    params:
        settings=rolling,
        engine=lambda wildcards: PROJECT.engines[wildcards.engine].plain.model_dump_json(),
        version=VERSIONS["rollout"],
        prepared=subpath(input[0], parent=True),
        model=flagged("model", "--model"),
        work=scratch("rollout"),
    message:
        "Rolling out {wildcards.member}: {wildcards.molecule}, {wildcards.engine}, k = {wildcards.k}, seed {wildcards.seed}"
    shell:
        "budget {resources.runtime}; python -m mdsnake rollout {params.prepared:q} --settings {params.settings:q}"
        " --engine {params.engine:q} --start {input.start:q} {params.model:q} --device {resources.device}"
        " --work {params.work:q} --out {output.nvt:q} --nve {output.nve:q} > {log:q} 2>&1"


rule rollout_all:
    input:
        each_rollout(f"{ROLLOUT}.h5"),
        STAGE_FILES["rollout"],
