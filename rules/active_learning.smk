# Requires: {RUN}/iterations/{n}/potential/ and the data sets so far.
# Gives: {RUN}/iterations/{n}/explore/ (trajectories, candidates), {RUN}/iterations/{n}/select/selection.json (the
# checkpoint: what was chosen, whether to go on), {RUN}/structures/iteration-{n}.extxyz and control-{n}.extxyz.


rule explore:
    input:
        potential=f"{RUN}/iterations/{{iteration}}/potential/potential.json",
        starts=f"{RUN}/structures/starts-{{iteration}}.extxyz",
    output:
        candidates=f"{RUN}/iterations/{{iteration}}/explore/candidates.extxyz",
        controls=f"{RUN}/iterations/{{iteration}}/explore/controls.extxyz",
        trajectories=f"{RUN}/iterations/{{iteration}}/explore/trajectories.csv",
        attacks=f"{RUN}/iterations/{{iteration}}/explore/attacks.csv",
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
    message:
        "explore: iteration {wildcards.iteration}, nonequilibrium dynamics from disordered starts"
    shell:
        "ingot explore --potential {params.potential} --starts {input.starts} --settings {params.settings:q}"
        " --iteration {wildcards.iteration} --seed {params.seed} -o {params.directory} > {log} 2>&1"


checkpoint select_frames:
    input:
        candidates=f"{RUN}/iterations/{{iteration}}/explore/candidates.extxyz",
        controls=f"{RUN}/iterations/{{iteration}}/explore/controls.extxyz",
        trajectories=f"{RUN}/iterations/{{iteration}}/explore/trajectories.csv",
        attacks=f"{RUN}/iterations/{{iteration}}/explore/attacks.csv",
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
        " --attacks {input.attacks} --dataset {params.stores} --labels {params.labels:q} --previous {input.previous}"
        " --settings {params.settings:q} --iteration {wildcards.iteration} --seed {params.seed}"
        " --decision {output.decision} --control {output.control} -o {output.selected}"
        " > {log} 2>&1"
