# Requires: every table of the run. Gives: {RUN}/config.json (the resolved configuration) and
# {RUN}/report/index.html, one self-contained page, with its figures and their data beside it.

REPORT_FOLDERS = [
    n
    for n in ("novelty", "crystal", "direct", "thermal", "rdf", "coexistence")
    if getattr(CONFIG.benchmarks, n)
]

COMPARED = (
    [n for n in REPORT_FOLDERS if n not in ("novelty", "direct")]
    if BENCHMARKS.compare
    else []
)


rule write_configuration:
    output:
        f"{RUN}/config.json",
    log:
        f"{RUN}/logs/write_configuration.log",
    conda:
        "../envs/ingot.yaml"
    threads: 1
    resources:
        mem_mb=100,
        runtime=5,
    params:
        configuration=settings(),
    message:
        "report: the resolved configuration"
    shell:
        "ingot config resolve {params.configuration:q} -o {output} > {log} 2>&1"


rule report:
    input:
        f"{RUN}/config.json",
        f"{RUN}/audit/summary.csv",
        f"{RUN}/benchmarks/accuracy/quantities.csv",
        [f"{RUN}/benchmarks/{name}/quantities.csv" for name in REPORT_FOLDERS],
        [
            f"{RUN}/benchmarks/coexistence/at-{k}/quantities.csv"
            for k, _ in enumerate(BENCHMARKS.coexistence.curve)
        ]
        if BENCHMARKS.coexistence
        else [],
        [
            f"{RUN}/benchmarks/compare/{name}/{folder}/quantities.csv"
            for name in BENCHMARKS.compare
            for folder in COMPARED
        ],
        rules.learning_curves.output if CURVES else [],
        lambda w: [
            f"{RUN}/iterations/{n}/select/selection.json"
            for n in finished_iterations()
        ],
        lambda w: [
            f"{RUN}/iterations/{n}/crystal/quantities.csv"
            for n in finished_iterations()
            if BENCHMARKS.convergence
        ],
        lambda w: [store_of(s) for s in labelled_sets()],
    output:
        page=report(
            f"{RUN}/report/index.html",
            category="Report",
            caption="captions/page.rst",
            labels={"what": "the page of the run"},
        ),
        figures=report(
            directory(f"{RUN}/report/figures"),
            patterns=["{figure}.svg"],
            category="Figures",
            caption="captions/figure.rst",
            labels={"figure": "{figure}"},
        ),
        data=directory(f"{RUN}/report/data"),
    log:
        f"{RUN}/logs/report.log",
    benchmark:
        f"{RUN}/costs/report.tsv"
    conda:
        "../envs/ingot.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        settings=settings("report"),
        code=code("report"),
        digests={
            c: code(c)
            for c in ("structures", "label", "dataset", "train", "audit", "benchmark")
        },
        run=lambda w, input: Path(input[0]).parent,
    message:
        "report: assembling the page"
    shell:
        "ingot report --run {params.run} --settings {params.settings:q} -o {output.page} > {log} 2>&1"


rule compare:
    input:
        [f"{RUN}/benchmarks/{folder}/quantities.csv" for folder in COMPARED],
        [
            f"{RUN}/benchmarks/compare/{name}/{folder}/quantities.csv"
            for name in BENCHMARKS.compare
            for folder in COMPARED
        ],
    output:
        page=f"{RUN}/comparison/index.html",
        figures=directory(f"{RUN}/comparison/figures"),
        data=directory(f"{RUN}/comparison/data"),
    log:
        f"{RUN}/logs/compare.log",
    benchmark:
        f"{RUN}/costs/compare.tsv"
    conda:
        "../envs/ingot.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        settings=settings("report"),
        code=code("compare"),
        folders=[
            f"'this potential={RUN}/benchmarks'",
            *(
                f"{name}={RUN}/benchmarks/compare/{name}"
                for name in BENCHMARKS.compare
            ),
        ],
    message:
        "report: potentials side by side"
    shell:
        "ingot compare {params.folders} --settings {params.settings:q} -o {output.page} > {log} 2>&1"
