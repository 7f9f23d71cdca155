# Requires: every data set of the run. Gives: {RUN}/audit/*.csv (entropy, diversity, novelty, overlap) and their page.


rule audit:
    input:
        manifests=lambda w: [store_of(s) for s in training_sets() + fixed_tests()],
        melt=[f"{RUN}/benchmarks/rdf/final.extxyz"] if CONFIG.benchmarks.rdf else [],
        trajectories=[
            f"{path}/zarr.json" if path.endswith(".zarr") else path
            for path in CONFIG.audit.trajectories.values()
        ],
    output:
        summary=f"{RUN}/audit/summary.csv",
        novelty=f"{RUN}/audit/novelty.csv",
        overlap=f"{RUN}/audit/overlap.csv",
        structures=f"{RUN}/audit/structures.csv",
        curve=f"{RUN}/audit/learning_curve.csv",
        tables=expand(
            f"{RUN}/audit/{{table}}.csv",
            table=[
                "overlap_matrix",
                "histogram",
                "outliers",
                "compression",
                "trajectories",
            ],
        ),
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
        seed=SEED,
        code=code_digest("ingot.audit.tables"),
        sets=lambda w: named_stores("set", training_sets()),
        tests=lambda w, input: named_stores("test", fixed_tests())
        + [f"--test benchmark-melt={path}" for path in input.get("melt", [])],
        directory=lambda w, output: Path(output.summary).parent,
    message:
        "audit: entropy, diversity, novelty and overlap of the data"
    shell:
        "ingot audit {params.sets} {params.tests} --settings {params.settings:q}"
        " --seed {params.seed} --no-page -o {params.directory} > {log} 2>&1"


rule audit_page:
    input:
        rules.audit.output,
    output:
        f"{RUN}/audit/index.html",
    log:
        f"{RUN}/logs/audit_page.log",
    conda:
        "../envs/ingot.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        page=settings("report"),
        code=code_digest("ingot.reporting.audit_page"),
        directory=lambda w, output: Path(output[0]).parent,
    message:
        "audit: the page"
    shell:
        "ingot audit --redraw --page {params.page:q} -o {params.directory} > {log} 2>&1"
