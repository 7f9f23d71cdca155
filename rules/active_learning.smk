# Requires: {RUN}/iterations/{n}/potential/ and the data sets so far.
# Gives: {RUN}/iterations/{n}/explore/ (trajectories, attacks, candidates; by several jobs where
# `active_learning.exploration_batches` asks for them), {RUN}/iterations/{n}/select/selection.json (the
# checkpoint: what was chosen, whether to go on), {RUN}/structures/iteration-{n}.extxyz and control-{n}.extxyz.


EXPLORATION = f"{RUN}/iterations/{{iteration}}/explore"
EXPLORED = {
    "candidates": "candidates.extxyz",
    "controls": "controls.extxyz",
    "trajectories": "trajectories.csv",
    "attacks": "attacks.csv",
    "quenches": "quenches.csv",
}


rule explore:
    input:
        potential=f"{RUN}/iterations/{{iteration}}/potential/potential.json",
        starts=f"{RUN}/structures/starts-{{iteration}}.extxyz",
    output:
        **within(EXPLORATION, EXPLORED),
    log:
        f"{RUN}/logs/explore/{{iteration}}.log",
    benchmark:
        f"{RUN}/costs/explore.{{iteration}}.tsv"
    conda:
        "../envs/ingot.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=240,
    params:
        settings=settings("active_learning", "exploration"),
        code=code("explore"),
        seed=SEED,
        potential=lambda w, input: Path(input.potential).parent,
        directory=lambda w, output: Path(output.candidates).parent,
        batch="",
    message:
        "explore: iteration {wildcards.iteration}, nonequilibrium dynamics from disordered starts"
    shell:
        "ingot explore --potential {params.potential} --starts {input.starts} --settings {params.settings:q}"
        " --iteration {wildcards.iteration} --seed {params.seed} {params.batch} -o {params.directory} > {log} 2>&1"


if CONFIG.active_learning and CONFIG.active_learning.exploration_batches > 1:
    EXPLORATIONS = CONFIG.active_learning.exploration_batches

    ruleorder: gather_exploration > explore

    BATCH = f"{EXPLORATION}/batch-{{batch}}-of-{EXPLORATIONS}"

    use rule explore as explore_batch with:
        output:
            **within(BATCH, EXPLORED),
        log:
            f"{RUN}/logs/explore/{{iteration}}-{{batch}}-of-{EXPLORATIONS}.log",
        benchmark:
            f"{RUN}/costs/explore.{{iteration}}.{{batch}}-of-{EXPLORATIONS}.tsv"
        params:
            settings=settings("active_learning", "exploration"),
            code=code("explore"),
            seed=SEED,
            potential=lambda w, input: Path(input.potential).parent,
            directory=lambda w, output: Path(output.candidates).parent,
            batch=lambda w: f"--batch {w.batch}/{EXPLORATIONS}",
        message:
            "explore: iteration {wildcards.iteration}, batch {wildcards.batch} of the trajectories"

    rule gather_exploration:
        input:
            [
                expand(path, batch=range(EXPLORATIONS), allow_missing=True)
                for path in within(BATCH, EXPLORED).values()
            ],
        output:
            **within(EXPLORATION, EXPLORED),
        log:
            f"{RUN}/logs/gather_exploration/{{iteration}}.log",
        benchmark:
            f"{RUN}/costs/gather_exploration.{{iteration}}.tsv"
        conda:
            "../envs/ingot.yaml"
        threads: 1
        resources:
            mem_mb=1000,
            runtime=10,
        params:
            code=code("explore"),
            folders=lambda w, input: [
                str(Path(file).parent) for file in input[:EXPLORATIONS]
            ],
            directory=lambda w, output: Path(output.candidates).parent,
        message:
            "explore: iteration {wildcards.iteration}, all batches"
        shell:
            "ingot explore --gather {params.folders} -o {params.directory} > {log} 2>&1"


checkpoint select_frames:
    input:
        **within(EXPLORATION, EXPLORED),
        manifests=data_inputs("manifests"),
        previous=previous_decisions,
    output:
        decision=f"{RUN}/iterations/{{iteration}}/select/selection.json",
        selected=f"{RUN}/structures/iteration-{{iteration}}.extxyz",
        control=f"{RUN}/structures/control-{{iteration}}.extxyz",
    log:
        f"{RUN}/logs/select_frames/{{iteration}}.log",
    benchmark:
        f"{RUN}/costs/select_frames.{{iteration}}.tsv"
    conda:
        "../envs/ingot.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        settings=settings("active_learning", "selection"),
        labels=priced_labels(),
        code=code("select"),
        seed=SEED,
        stores=lambda w, input: [store_folder(m) for m in input.manifests],
    message:
        "select: iteration {wildcards.iteration}, frames worth a label"
    shell:
        "ingot select --candidates {input.candidates} --controls {input.controls} --trajectories {input.trajectories}"
        " --attacks {input.attacks} --quenches {input.quenches} --dataset {params.stores} --labels {params.labels:q} --previous {input.previous}"
        " --settings {params.settings:q} --iteration {wildcards.iteration} --seed {params.seed}"
        " --decision {output.decision} --control {output.control} -o {output.selected}"
        " > {log} 2>&1"
