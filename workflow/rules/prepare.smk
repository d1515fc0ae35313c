"""From a row of the table to a molecule that can be simulated."""


checkpoint screen:
    input:
        table=PROJECT.molecules,
    output:
        table=report(
            "<results>/summary/molecules.csv",
            caption="../report/molecules.rst",
            category=RUN,
            labels={"result": "Molecules", "kind": "CSV"},
        ),
    log:
        "<results>/logs/screen.log",
    benchmark:
        "<results>/benchmarks/screen.tsv"
    conda:
        PREPARE_ENV
    threads: 4
    resources:
        mem_mb=memory("screen"),
        runtime=minutes("screen"),
    params:
        settings=settings(
            forcefield=PROJECT.forcefield, split=PROJECT.split, engines=list(PROJECT.engines), seed=PROJECT.seed
        ),
        version=VERSIONS["screen"],
    message:
        "Screening the molecules of {input.table}"
    shell:
        "python -m mdsnake screen {input.table:q} --settings {params.settings:q}"
        " --processes {threads} --out {output.table:q} > {log:q} 2>&1"


rule prepare:
    input:
        forcefield=supplied_forcefield,
    output:
        topology="<results>/{molecule}/prepare/topology.pdb",
        system="<results>/{molecule}/prepare/system.xml",
        structure="<results>/{molecule}/prepare/molecule.sdf",
        graph=GRAPH,
    log:
        "<results>/logs/prepare/{molecule}.log",
    benchmark:
        "<results>/benchmarks/prepare/{molecule}.tsv"
    conda:
        PREPARE_ENV
    resources:
        mem_mb=memory("prepare"),
        runtime=minutes("prepare"),
    params:
        settings=lambda wildcards: settings(
            molecule=ROWS[wildcards.molecule].model_copy(update={"split": None, "engines": None}),
            forcefield=PROJECT.forcefield,
            seed=PROJECT.seed,
        ),
        version=VERSIONS["prepare"],
        folder=subpath(output.graph, parent=True),
    message:
        "Preparing {wildcards.molecule}"
    shell:
        "python -m mdsnake prepare --settings {params.settings:q} --out {params.folder:q} > {log:q} 2>&1"


rule prepare_all:
    input:
        lambda wildcards: expand(GRAPH, molecule=passed()),
        STAGE_FILES["prepare"],
