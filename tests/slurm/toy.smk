"""Two jobs that take their time, and one that waits for them; and small ones, of which one fails.

With `seconds=-1` no job starts on its node; with more, the small one sleeps instead of failing.
"""

if workflow.remote_exec and config["seconds"] < 0:
    raise Exception("not on this node")


rule all:
    input:
        "both.txt",


rule work:
    output:
        "{name}.txt",
    wildcard_constraints:
        name="one|two",
    resources:
        mem_mb=600,
        runtime=5,
    shell:
        "touch {wildcards.name}.began; sleep {config[seconds]}; echo {wildcards.name} > {output}"


rule both:
    input:
        "one.txt",
        "two.txt",
    output:
        "both.txt",
    resources:
        mem_mb=600,
        runtime=5,
    shell:
        "cat {input} > {output}"


rule all_small:
    input:
        expand("{number}.small", number=range(5)),


rule small:
    output:
        "{number}.small",
    resources:
        mem_mb=600,
        runtime=5,
    params:
        odd=f"sleep {config['seconds']}" if config["seconds"] else "exit 1",
    shell:
        "test {wildcards.number} != 2 || {params.odd}; touch {output}"
