# Requires: every data set of the run. Gives: {RUN}/audit/*.csv (entropy, diversity, novelty, overlap).


def audit_sets():
    """Data in the order it was acquired, as `name=store` pairs."""
    return ["initial", *acquired(finished_iterations())]


def audit_tests():
    """What a potential is tested on: the fixed test set, where there is one."""
    return (
        []
        if CONFIG.structures is None or not CONFIG.structures.test_families
        else ["test"]
    )


rule audit:
    input:
        manifests=lambda w: [store_of(s) for s in audit_sets() + audit_tests()],
        melt=f"{RUN}/benchmarks/rdf/final.extxyz" if CONFIG.benchmarks.rdf else [],
    output:
        summary=f"{RUN}/audit/summary.csv",
        novelty=f"{RUN}/audit/novelty.csv",
        overlap=f"{RUN}/audit/overlap.csv",
    log:
        f"{RUN}/logs/audit.log",
    benchmark:
        f"{RUN}/costs/audit.tsv"
    conda:
        "../envs/ingot.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        settings=settings("audit"),
        code=code("audit"),
        sets=lambda w: [f"--set {s}={RUN}/datasets/{s}.zarr" for s in audit_sets()],
        tests=lambda w, input: [
            f"--test {s}={RUN}/datasets/{s}.zarr" for s in audit_tests()
        ]
        + ([f"--test benchmark-melt={input.melt}"] if input.melt else []),
        directory=lambda w, output: Path(output.summary).parent,
    message:
        "audit: entropy, diversity, novelty and overlap of the data"
    shell:
        "ingot audit {params.sets} {params.tests} --settings {params.settings:q} -o {params.directory} > {log} 2>&1"
