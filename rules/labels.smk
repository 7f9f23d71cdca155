# Requires: {RUN}/structures/{set}.extxyz.
# Gives: {RUN}/labels/{set}/batch-{k}.json, manifests of labels that lie in the label store.
# The store is not an output: Snakemake deletes the outputs of failed jobs, and a label is never to be lost.


rule import_labels:
    input:
        [f"{folder}/manifest.json" for folder in CONFIG.run.label_archives],
    output:
        f"{RUN}/labels/imported.json",
    log:
        f"{RUN}/logs/import_labels.log",
    benchmark:
        f"{RUN}/costs/import_labels.tsv"
    conda:
        "../envs/ingot.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=60,
    params:
        code=code("store"),
        folders=CONFIG.run.label_archives,
        store=STORE,
    message:
        "labels: archives into the label store"
    shell:
        "ingot store import {params.folders:q} --store {params.store:q} -o {output} > {log} 2>&1"


rule label_structures:
    input:
        structures=f"{RUN}/structures/{{set}}.extxyz",
        imported=rules.import_labels.output if CONFIG.run.label_archives else [],
        pinned=lambda w: pinned_settings(w.set),
        files=label_files(),
    output:
        f"{RUN}/labels/{{set}}/batch-{{batch}}-of-{{batches}}.json",
    log:
        f"{RUN}/logs/label_structures/{{set}}-{{batch}}-of-{{batches}}.log",
    benchmark:
        f"{RUN}/costs/label_structures.{{set}}.{{batch}}-of-{{batches}}.tsv"
    wildcard_constraints:
        batches=r"\d+",
    conda:
        "../envs/ingot.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=720,
    params:
        settings=lambda w: pinned_settings(w.set) or settings("labels"),
        code=code("label"),
        store=STORE,
    message:
        "labels: {wildcards.set}, batch {wildcards.batch} of {wildcards.batches}"
    shell:
        "ingot label {input.structures} --settings {params.settings:q} --batch {wildcards.batch}/{wildcards.batches}"
        " --store {params.store:q} --workers {threads} -o {output} > {log} 2>&1"
