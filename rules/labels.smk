# Requires: {RUN}/structures/{set}.extxyz.
# Gives: {RUN}/labels/{set}/batch-{k}.json, manifests of labels that lie in the label store.
# The store is not an output: Snakemake deletes the outputs of failed jobs, and a label is never to be lost.


def batches(name):
    """How many jobs the labels of a set are dealt to."""
    return 1 if name.startswith("control") else CONFIG.labels.batches


def label_manifests(name):
    count = batches(name)
    return [f"{RUN}/labels/{name}/batch-{k}-of-{count}.json" for k in range(count)]


def pinned_settings(name):
    """The cells of an equation of state or a strain are labelled with one k-point mesh and one FFT mesh."""
    return f"{RUN}/structures/{name}.labels.json" if name.startswith("direct-") else []


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
        " --store {params.store:q} -o {output} > {log} 2>&1"
