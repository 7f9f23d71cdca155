# Requires: the initial data set, and the test sets of the user's data where there are any.
# Gives: {RUN}/learning_curves/{loss}-{selection}/{size}-{fold}/ (one network each) and {RUN}/benchmarks/learning_curves/points.csv.

CURVES = CONFIG.learning_curves


rule learning_point:
    input:
        data=store_of("initial"),
        tests=[store_of(s) for s in fixed_tests()],
    output:
        point=f"{RUN}/learning_curves/{{loss}}-{{selection}}/{{size}}-{{fold}}/point.csv",
        potential=f"{RUN}/learning_curves/{{loss}}-{{selection}}/{{size}}-{{fold}}/potential.json",
        parameters=f"{RUN}/learning_curves/{{loss}}-{{selection}}/{{size}}-{{fold}}/parameters.safetensors",
    log:
        f"{RUN}/logs/learning_point/{{loss}}-{{selection}}-{{size}}-{{fold}}.log",
    benchmark:
        f"{RUN}/costs/learning_point.{{loss}}-{{selection}}-{{size}}-{{fold}}.tsv"
    wildcard_constraints:
        loss="forces|energies",
        selection="random|msc|farthest",
        size=r"\d+",
        fold=r"\d+",
    conda:
        "../envs/ingot.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=240,
    params:
        settings=lambda w: learning_point_json(CONFIG, int(w.size)),
        code=code("curve"),
        seed=SEED,
        data=lambda w, input: store_folder(input.data),
        tests=named_stores("test", fixed_tests()),
        directory=lambda w, output: Path(output.point).parent,
    message:
        "learning curve: {wildcards.size} labels ({wildcards.selection}), {wildcards.loss}, fold {wildcards.fold}"
    shell:
        "ingot curve point {params.data} {params.tests} --settings {params.settings:q} --size {wildcards.size}"
        " --fold {wildcards.fold} --loss {wildcards.loss} --selection {wildcards.selection} --seed {params.seed} -o {params.directory} > {log} 2>&1"


rule learning_curves:
    input:
        (
            expand(
                rules.learning_point.output.point,
                loss=CURVES.losses,
                selection=CURVES.selections,
                size=CURVES.sizes,
                fold=range(CURVES.folds),
            )
            if CURVES
            else []
        ),
    output:
        f"{RUN}/benchmarks/learning_curves/points.csv",
    log:
        f"{RUN}/logs/learning_curves.log",
    conda:
        "../envs/ingot.yaml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=10,
    params:
        code=code("curve"),
    message:
        "learning curve: all points"
    shell:
        "ingot curve gather {input} -o {output} > {log} 2>&1"
