# Requires: structures and their label manifests, or a labelled file of the user.
# Gives: {RUN}/datasets/{set}.zarr with {set}.manifest.json, and {set}.splits.json.
# The folder is not a declared output: Snakemake neither looks inside folders nor leaves them alone (it writes a time
# stamp into them). The manifest lists every byte of the store, and consumers take that as their input.

if CONFIG.data is None:

    rule build_dataset:
        input:
            structures=f"{RUN}/structures/{{set}}.extxyz",
            labels=lambda w: label_manifests(w.set),
        output:
            f"{RUN}/datasets/{{set}}.manifest.json",
        log:
            f"{RUN}/logs/build_dataset/{{set}}.log",
        benchmark:
            f"{RUN}/costs/build_dataset.{{set}}.tsv"
        conda:
            "../envs/ingot.yaml"
        threads: 1
        resources:
            mem_mb=2000,
            runtime=60,
        params:
            code=code("dataset"),
            store=STORE,
            dataset=lambda w, output: store_folder(output[0]),
            provenance=lambda w: json.dumps(
                {"run": CONFIG.run.name, "set": w.set, "code": code("dataset")}
            ),
        message:
            "dataset: {wildcards.set}"
        shell:
            "ingot dataset build {input.structures} --labels {input.labels} --store {params.store:q}"
            " --provenance {params.provenance:q} -o {params.dataset} > {log} 2>&1"

else:

    rule import_dataset:
        input:
            lambda w: data_file(w.set),
        output:
            f"{RUN}/datasets/{{set}}.manifest.json",
        log:
            f"{RUN}/logs/import_dataset/{{set}}.log",
        benchmark:
            f"{RUN}/costs/import_dataset.{{set}}.tsv"
        wildcard_constraints:
            set=r"initial|test(-[a-z0-9]+)?",
        conda:
            "../envs/ingot.yaml"
        threads: 1
        resources:
            mem_mb=4000,
            runtime=60,
        params:
            index=CONFIG.data.index,
            kind=CONFIG.data.energy_kind,
            method=CONFIG.data.method or Path(CONFIG.data.file).name,
            origin=CONFIG.data.origin.model_dump_json(),
            code=code("dataset"),
            dataset=lambda w, output: store_folder(output[0]),
            provenance=json.dumps({"run": CONFIG.run.name, "code": code("dataset")}),
        message:
            "dataset: importing {input}"
        shell:
            "ingot dataset import {input:q} --index {params.index:q} --energy-kind {params.kind}"
            " --method {params.method:q} --origin {params.origin:q} --provenance {params.provenance:q} -o {params.dataset} > {log} 2>&1"


rule split_dataset:
    input:
        f"{RUN}/datasets/{{set}}.manifest.json",
    output:
        f"{RUN}/datasets/{{set}}.splits.json",
    log:
        f"{RUN}/logs/split_dataset/{{set}}.log",
    benchmark:
        f"{RUN}/costs/split_dataset.{{set}}.tsv"
    wildcard_constraints:
        set=r"initial|iteration-\d+",
    conda:
        "../envs/ingot.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        # What the loop acquires is for learning: its test is the fixed independent set.
        settings=lambda w: split_json(CONFIG, w.set),
        code=code("dataset"),
        seed=SEED,
        dataset=lambda w, input: store_folder(input[0]),
    message:
        "dataset: splitting {wildcards.set} by parent"
    shell:
        "ingot dataset split {params.dataset} --settings {params.settings:q} --seed {params.seed} -o {output} > {log} 2>&1"
