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
    conda:
        PREPARE_ENV
    threads: 4
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        settings=settings(
            forcefield=PROJECT.forcefield, split=PROJECT.split, engines=list(PROJECT.engines), seed=PROJECT.seed
        ),
        version=VERSIONS["screen"],
    message:
        "Screening the molecules of {input.table}"
    shell:
        "python -m mdsnake screen {input.table:q} --settings {params.settings:q}"
        " --processes {threads} --out {output.table} > {log} 2>&1"


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
    conda:
        PREPARE_ENV
    resources:
        mem_mb=2000,
        runtime=30,
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
        "python -m mdsnake prepare --settings {params.settings:q} --out {params.folder} > {log} 2>&1"


rule prepare_all:
    input:
        lambda wildcards: expand(GRAPH, molecule=passed()),
