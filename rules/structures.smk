# Requires: nothing but the configuration.
# Gives: {RUN}/structures/initial.extxyz (to label and train on), test.extxyz (the fixed independent test set)
# and starts-{n}.extxyz (disordered starts of one iteration's dynamics).


rule build_structures:
    output:
        f"{RUN}/structures/{{set}}.extxyz",
    log:
        f"{RUN}/logs/build_structures/{{set}}.log",
    benchmark:
        f"{RUN}/costs/build_structures.{{set}}.tsv"
    wildcard_constraints:
        set=r"initial|test|starts-\d+",
    conda:
        "../envs/ingot.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=30,
    params:
        settings=lambda w: structures_json(CONFIG, w.set),
        code=code("structures"),
        seed=SEED,
    message:
        "structures: building {wildcards.set}"
    shell:
        "ingot structures --settings {params.settings:q} --seed {params.seed} --set {wildcards.set}"
        " -o {output} > {log} 2>&1"
