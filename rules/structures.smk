# Requires: nothing but the configuration.
# Gives: {RUN}/structures/initial.extxyz (to label and train on), test.extxyz (the fixed independent test set)
# and starts-{n}.extxyz (disordered starts of one iteration's dynamics).


DRIVEN = CONFIG.structures.driven_sets if CONFIG.structures else ()
BUILT = [s for s in ("initial", "test", r"starts-\d+") if s not in DRIVEN]


rule build_structures:
    output:
        f"{RUN}/structures/{{set}}.extxyz",
    log:
        f"{RUN}/logs/build_structures/{{set}}.log",
    benchmark:
        f"{RUN}/costs/build_structures.{{set}}.tsv"
    wildcard_constraints:
        set="|".join(BUILT),
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


if DRIVEN:

    use rule build_structures as build_trajectory_starts with:
        output:
            f"{RUN}/structures/{{set}}.starts.extxyz",
        log:
            f"{RUN}/logs/build_structures/{{set}}.starts.log",
        benchmark:
            f"{RUN}/costs/build_trajectory_starts.{{set}}.tsv"
        wildcard_constraints:
            set="|".join(DRIVEN),
        message:
            "structures: starts of the dynamics of {wildcards.set}"

    rule run_trajectories:
        input:
            starts=rules.build_trajectory_starts.output,
            potential=potential_files(CONFIG.structures.dynamics_potential),
        output:
            f"{RUN}/structures/{{set}}.extxyz",
        log:
            f"{RUN}/logs/run_trajectories/{{set}}.log",
        benchmark:
            f"{RUN}/costs/run_trajectories.{{set}}.tsv"
        wildcard_constraints:
            set="|".join(DRIVEN),
        conda:
            "../envs/ingot.yaml"
        threads: 1
        resources:
            mem_mb=4000,
            runtime=240,
        params:
            settings=lambda w: structures_json(CONFIG, w.set),
            code=code("trajectories"),
            seed=SEED,
        message:
            "structures: dynamics of {wildcards.set}"
        shell:
            "ingot trajectories {input.starts} --settings {params.settings:q} --seed {params.seed}"
            " --set {wildcards.set} -o {output} > {log} 2>&1"
