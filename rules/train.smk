# Requires: data sets and their splits.
# Gives: {RUN}/members/{m}/ (one network, one process each) and {RUN}/potential/ (the ensemble, calibrated on
# validation data). The loop's own ensembles are in {RUN}/iterations/{n}/, trained by `active_learning.training`:
# labels are bought by the loop, so that no change of the final training ever buys another.


rule train_member:
    input:
        manifests=data_inputs("manifests"),
        splits=data_inputs("splits"),
        start=begun_from(CONFIG.training),
    output:
        potential=f"{RUN}/members/{{member}}/potential.json",
        parameters=f"{RUN}/members/{{member}}/parameters.safetensors",
        log=f"{RUN}/members/{{member}}/log.csv",
    log:
        f"{RUN}/logs/train_member/{{member}}.log",
    benchmark:
        f"{RUN}/costs/train_member.{{member}}.tsv"
    conda:
        "../envs/ingot.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=720,
    params:
        settings=settings("training"),
        code=code("train"),
        seed=SEED,
        stores=lambda w, input: [store_folder(m) for m in input.manifests],
        member=lambda w: f"--member {w.member}",
        directory=lambda w, output: Path(output.potential).parent,
    message:
        "train: member {wildcards.member} of the potential"
    shell:
        "ingot train {params.stores} --splits {input.splits} --settings {params.settings:q}"
        " {params.member} --seed {params.seed} -o {params.directory} > {log} 2>&1"


use rule train_member as train_loop_member with:
    input:
        manifests=data_inputs("manifests"),
        splits=data_inputs("splits"),
        start=begun_from(CONFIG.active_learning and CONFIG.active_learning.training),
    output:
        potential=f"{RUN}/iterations/{{iteration}}/members/{{member}}/potential.json",
        parameters=f"{RUN}/iterations/{{iteration}}/members/{{member}}/parameters.safetensors",
        log=f"{RUN}/iterations/{{iteration}}/members/{{member}}/log.csv",
    log:
        f"{RUN}/logs/train_loop_member/{{iteration}}-{{member}}.log",
    benchmark:
        f"{RUN}/costs/train_loop_member.{{iteration}}.{{member}}.tsv"
    params:
        settings=settings("active_learning", "training"),
        code=code("train"),
        seed=SEED,
        stores=lambda w, input: [store_folder(m) for m in input.manifests],
        member=lambda w: f"--member {w.member}",
        directory=lambda w, output: Path(output.potential).parent,
    message:
        "train: iteration {wildcards.iteration}, member {wildcards.member}"


if CONFIG.training.together:

    ruleorder: train_members_together > train_member

    use rule train_member as train_members_together with:
        output:
            expand(rules.train_member.output, member=MEMBERS),
        log:
            f"{RUN}/logs/train_member/together.log",
        benchmark:
            f"{RUN}/costs/train_member.together.tsv"
        params:
            settings=settings("training"),
            code=code("train"),
            seed=SEED,
            stores=lambda w, input: [store_folder(m) for m in input.manifests],
            member="--members-only",
            directory=RUN,
        message:
            "train: all members of the potential in one program"


if CONFIG.active_learning and CONFIG.active_learning.training.together:

    ruleorder: train_loop_members_together > train_loop_member

    use rule train_member as train_loop_members_together with:
        output:
            expand(
                rules.train_loop_member.output, member=LOOP_MEMBERS, allow_missing=True
            ),
        log:
            f"{RUN}/logs/train_loop_member/{{iteration}}-together.log",
        benchmark:
            f"{RUN}/costs/train_loop_member.{{iteration}}.together.tsv"
        params:
            settings=settings("active_learning", "training"),
            code=code("train"),
            seed=SEED,
            stores=lambda w, input: [store_folder(m) for m in input.manifests],
            member="--members-only",
            directory=f"{RUN}/iterations/{{iteration}}",
        message:
            "train: iteration {wildcards.iteration}, all members in one program"


rule combine_members:
    input:
        members=[f"{RUN}/members/{m}/potential.json" for m in MEMBERS],
        manifests=data_inputs("manifests"),
        splits=data_inputs("splits"),
    output:
        potential=f"{RUN}/potential/potential.json",
        parameters=f"{RUN}/potential/parameters.safetensors",
    log:
        f"{RUN}/logs/combine_members/potential.log",
    benchmark:
        f"{RUN}/costs/combine_members.potential.tsv"
    conda:
        "../envs/ingot.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        settings=settings("training"),
        code=code("train"),
        stores=lambda w, input: [store_folder(m) for m in input.manifests],
        members=lambda w, input: [str(Path(m).parent) for m in input.members],
        directory=lambda w, output: Path(output.potential).parent,
    message:
        "train: combining the members, calibrating their spread on validation data"
    shell:
        "ingot train {params.stores} --splits {input.splits} --settings {params.settings:q}"
        " --combine {params.members} -o {params.directory} > {log} 2>&1"


use rule combine_members as combine_loop_members with:
    input:
        members=[
            f"{RUN}/iterations/{{iteration}}/members/{m}/potential.json"
            for m in LOOP_MEMBERS
        ],
        manifests=data_inputs("manifests"),
        splits=data_inputs("splits"),
    output:
        potential=f"{RUN}/iterations/{{iteration}}/potential/potential.json",
        parameters=f"{RUN}/iterations/{{iteration}}/potential/parameters.safetensors",
    log:
        f"{RUN}/logs/combine_members/{{iteration}}.log",
    benchmark:
        f"{RUN}/costs/combine_members.{{iteration}}.tsv"
    params:
        settings=settings("active_learning", "training"),
        code=code("train"),
        stores=lambda w, input: [store_folder(m) for m in input.manifests],
        members=lambda w, input: [str(Path(m).parent) for m in input.members],
        directory=lambda w, output: Path(output.potential).parent,
    message:
        "train: iteration {wildcards.iteration}, combining the members"
