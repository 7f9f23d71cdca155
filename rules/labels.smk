# Requires: {RUN}/structures/{set}.extxyz.
# Gives: {RUN}/labels/{set}/batch-{k}.json, manifests of labels that lie in the label store.
# The store is not an output: Snakemake deletes the outputs of failed jobs, and a label is never to be lost.


rule label_structures:
    input:
        structures=f"{RUN}/structures/{{set}}.extxyz",
        pinned=lambda w: pinned_settings(w.set),
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
