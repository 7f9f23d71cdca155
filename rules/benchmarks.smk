# Requires: {RUN}/potential/ and the data sets.
# Gives: {RUN}/benchmarks/{accuracy,novelty,crystal,direct,thermal,rdf,coexistence}/ and the same below compare/{name}/, each with quantities.csv and its curves.

BENCHMARKS = CONFIG.benchmarks
MEASUREMENTS = (BENCHMARKS.crystal and BENCHMARKS.crystal.phonon_measurements) or []
DIRECT_LATTICES = (
    [BENCHMARKS.direct.lattice, *BENCHMARKS.direct.phases] if BENCHMARKS.direct else []
)


rule benchmark_accuracy:
    input:
        potentials=lambda w: [
            f"{folder}/potential.json" for folder in potentials().values()
        ],
        manifests=lambda w: [store_of(s) for s in labelled_sets()],
        splits=lambda w: [f"{RUN}/datasets/{s}.splits.json" for s in split_sets()],
    output:
        f"{RUN}/benchmarks/accuracy/quantities.csv",
    log:
        f"{RUN}/logs/benchmark_accuracy.log",
    benchmark:
        f"{RUN}/costs/benchmark_accuracy.tsv"
    conda:
        "../envs/ingot.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        settings=settings("benchmarks", "accuracy"),
        code=suite_digest("accuracy"),
        potentials=lambda w: [
            f"--potential {name}={folder}" for name, folder in potentials().items()
        ],
        sets=lambda w: named_stores("set", labelled_sets()),
        directory=lambda w, output: Path(output[0]).parent,
    message:
        "benchmark: errors on labelled structures"
    shell:
        "ingot benchmark accuracy {params.potentials} {params.sets} --splits {input.splits}"
        " --settings {params.settings:q} -o {params.directory} > {log} 2>&1"


rule benchmark_novelty:
    input:
        potential=f"{RUN}/potential/potential.json",
        manifests=lambda w: [store_of(s) for s in training_sets() + fixed_tests()],
        splits=lambda w: [f"{RUN}/datasets/{s}.splits.json" for s in split_sets()],
    output:
        f"{RUN}/benchmarks/novelty/quantities.csv",
        f"{RUN}/benchmarks/novelty/bins.csv",
        f"{RUN}/benchmarks/novelty/atoms.csv",
    log:
        f"{RUN}/logs/benchmark_novelty.log",
    benchmark:
        f"{RUN}/costs/benchmark_novelty.tsv"
    conda:
        "../envs/ingot.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        settings=settings("benchmarks", "novelty"),
        audit=settings("audit"),
        code=suite_digest("novelty"),
        seed=SEED,
        potential=lambda w, input: Path(input.potential).parent,
        training=lambda w: named_stores("training", training_sets()),
        sets=lambda w: named_stores("set", fixed_tests()),
        directory=lambda w, output: Path(output[0]).parent,
    message:
        "benchmark: does novelty foretell errors?"
    shell:
        "ingot benchmark novelty --potential {params.potential} {params.training} {params.sets} --splits {input.splits}"
        " --settings {params.settings:q} --audit {params.audit:q} --seed {params.seed} -o {params.directory} > {log} 2>&1"


rule benchmark_crystal:
    input:
        potential=f"{RUN}/potential/potential.json",
        measurements=MEASUREMENTS,
    output:
        f"{RUN}/benchmarks/crystal/quantities.csv",
    log:
        f"{RUN}/logs/benchmark_crystal.log",
    benchmark:
        f"{RUN}/costs/benchmark_crystal.tsv"
    conda:
        "../envs/ingot.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        settings=settings("benchmarks", "crystal"),
        code=suite_digest("crystal"),
        potential=lambda w, input: Path(input.potential).parent,
        directory=lambda w, output: Path(output[0]).parent,
    message:
        "benchmark: equation of state, elastic constants, phases"
    shell:
        "ingot benchmark crystal --potential {params.potential} --settings {params.settings:q}"
        " -o {params.directory} > {log} 2>&1"


use rule benchmark_crystal as benchmark_crystal_of_others with:
    input:
        potential=lambda w: potential_files(BENCHMARKS.compare[w.other]),
        measurements=MEASUREMENTS,
    output:
        f"{RUN}/benchmarks/compare/{{other}}/crystal/quantities.csv",
    log:
        f"{RUN}/logs/benchmark_crystal_of_others/{{other}}.log",
    benchmark:
        f"{RUN}/costs/benchmark_crystal_of_others.{{other}}.tsv"
    params:
        settings=settings("benchmarks", "crystal"),
        code=suite_digest("crystal"),
        potential=lambda w: BENCHMARKS.compare[w.other],
        directory=lambda w, output: Path(output[0]).parent,
    message:
        "benchmark: equation of state, elastic constants, phases of {wildcards.other}"


use rule benchmark_crystal as benchmark_crystal_of_iteration with:
    input:
        potential=f"{RUN}/iterations/{{iteration}}/potential/potential.json",
        measurements=MEASUREMENTS,
    output:
        f"{RUN}/iterations/{{iteration}}/crystal/quantities.csv",
    log:
        f"{RUN}/logs/benchmark_crystal_of_iteration/{{iteration}}.log",
    benchmark:
        f"{RUN}/costs/benchmark_crystal_of_iteration.{{iteration}}.tsv"
    params:
        settings=settings("benchmarks", "convergence"),
        code=suite_digest("crystal"),
        potential=lambda w, input: Path(input.potential).parent,
        directory=lambda w, output: Path(output[0]).parent,
    message:
        "benchmark: the crystal before iteration {wildcards.iteration}"


rule build_direct_structures:
    output:
        structures=f"{RUN}/structures/direct-{{lattice}}.extxyz",
        labels=f"{RUN}/structures/direct-{{lattice}}.labels.json",
    log:
        f"{RUN}/logs/build_direct_structures/{{lattice}}.log",
    benchmark:
        f"{RUN}/costs/build_direct_structures.{{lattice}}.tsv"
    wildcard_constraints:
        lattice="fcc|bcc|hcp|sc|diamond",
    conda:
        "../envs/ingot.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=30,
    params:
        settings=settings("benchmarks", "direct"),
        labels=settings("labels"),
        code=suite_digest("reference-structures"),
    message:
        "benchmark: cells of {wildcards.lattice} for the label method itself"
    shell:
        "ingot benchmark reference-structures --lattice {wildcards.lattice} --settings {params.settings:q}"
        " --labels {params.labels:q} --label-settings {output.labels} -o {output.structures} > {log} 2>&1"


rule benchmark_direct:
    input:
        potential=f"{RUN}/potential/potential.json",
        manifests=[store_of(f"direct-{lattice}") for lattice in DIRECT_LATTICES],
    output:
        f"{RUN}/benchmarks/direct/quantities.csv",
    log:
        f"{RUN}/logs/benchmark_direct.log",
    benchmark:
        f"{RUN}/costs/benchmark_direct.tsv"
    conda:
        "../envs/ingot.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        settings=settings("benchmarks", "direct"),
        code=suite_digest("direct"),
        stores=lambda w, input: [store_folder(m) for m in input.manifests],
        potential=lambda w, input: Path(input.potential).parent,
        directory=lambda w, output: Path(output[0]).parent,
    message:
        "benchmark: what the label method itself gives"
    shell:
        "ingot benchmark direct {params.stores} --potential {params.potential} --settings {params.settings:q}"
        " -o {params.directory} > {log} 2>&1"


rule benchmark_thermal:
    input:
        f"{RUN}/potential/potential.json",
    output:
        f"{RUN}/benchmarks/thermal/quantities.csv",
    log:
        f"{RUN}/logs/benchmark_thermal.log",
    benchmark:
        f"{RUN}/costs/benchmark_thermal.tsv"
    conda:
        "../envs/ingot.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=720,
    params:
        settings=settings("benchmarks", "thermal"),
        code=suite_digest("thermal"),
        seed=SEED,
        potential=lambda w, input: Path(input[0]).parent,
        directory=lambda w, output: Path(output[0]).parent,
    message:
        "benchmark: thermal expansion and heat capacity"
    shell:
        "ingot benchmark thermal --potential {params.potential} --settings {params.settings:q} --seed {params.seed}"
        " -o {params.directory} > {log} 2>&1"


use rule benchmark_thermal as benchmark_thermal_of_others with:
    input:
        lambda w: potential_files(BENCHMARKS.compare[w.other]),
    output:
        f"{RUN}/benchmarks/compare/{{other}}/thermal/quantities.csv",
    log:
        f"{RUN}/logs/benchmark_thermal_of_others/{{other}}.log",
    benchmark:
        f"{RUN}/costs/benchmark_thermal_of_others.{{other}}.tsv"
    params:
        settings=settings("benchmarks", "thermal"),
        code=suite_digest("thermal"),
        seed=SEED,
        potential=lambda w: BENCHMARKS.compare[w.other],
        directory=lambda w, output: Path(output[0]).parent,
    message:
        "benchmark: thermal expansion and heat capacity by {wildcards.other}"


rule benchmark_rdf:
    input:
        f"{RUN}/potential/potential.json",
    output:
        quantities=f"{RUN}/benchmarks/rdf/quantities.csv",
        final=f"{RUN}/benchmarks/rdf/final.extxyz",
    log:
        f"{RUN}/logs/benchmark_rdf.log",
    benchmark:
        f"{RUN}/costs/benchmark_rdf.tsv"
    conda:
        "../envs/ingot.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=720,
    params:
        settings=settings("benchmarks", "rdf"),
        code=suite_digest("rdf"),
        seed=SEED,
        potential=lambda w, input: Path(input[0]).parent,
        directory=lambda w, output: Path(output.quantities).parent,
    message:
        "benchmark: structure of the melt"
    shell:
        "ingot benchmark rdf --potential {params.potential} --settings {params.settings:q} --seed {params.seed}"
        " -o {params.directory} > {log} 2>&1"


rule benchmark_coexistence:
    input:
        f"{RUN}/potential/potential.json",
    output:
        quantities=f"{RUN}/benchmarks/coexistence/quantities.csv",
    log:
        f"{RUN}/logs/benchmark_coexistence.log",
    benchmark:
        f"{RUN}/costs/benchmark_coexistence.tsv"
    conda:
        "../envs/ingot.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=1440,
    params:
        settings=coexistence_json(CONFIG),
        code=suite_digest("coexistence"),
        seed=SEED,
        potential=lambda w, input: Path(input[0]).parent,
        directory=lambda w, output: Path(output.quantities).parent,
    message:
        "benchmark: melt and solid side by side"
    shell:
        "ingot benchmark coexistence --potential {params.potential} --settings {params.settings:q}"
        " --seed {params.seed} -o {params.directory} > {log} 2>&1"


use rule benchmark_coexistence as benchmark_coexistence_at with:
    output:
        quantities=f"{RUN}/benchmarks/coexistence/at-{{point}}/quantities.csv",
    log:
        f"{RUN}/logs/benchmark_coexistence_at/{{point}}.log",
    benchmark:
        f"{RUN}/costs/benchmark_coexistence_at.{{point}}.tsv"
    wildcard_constraints:
        point=r"\d+",
    params:
        settings=lambda w: coexistence_json(CONFIG, int(w.point)),
        code=suite_digest("coexistence"),
        seed=SEED,
        potential=lambda w, input: Path(input[0]).parent,
        directory=lambda w, output: Path(output.quantities).parent,
    message:
        "benchmark: melt and solid side by side, point {wildcards.point} of the melting curve"


use rule benchmark_rdf as benchmark_rdf_of_others with:
    input:
        lambda w: potential_files(BENCHMARKS.compare[w.other]),
    output:
        quantities=f"{RUN}/benchmarks/compare/{{other}}/rdf/quantities.csv",
        final=f"{RUN}/benchmarks/compare/{{other}}/rdf/final.extxyz",
    log:
        f"{RUN}/logs/benchmark_rdf_of_others/{{other}}.log",
    benchmark:
        f"{RUN}/costs/benchmark_rdf_of_others.{{other}}.tsv"
    params:
        settings=settings("benchmarks", "rdf"),
        code=suite_digest("rdf"),
        seed=SEED,
        potential=lambda w: BENCHMARKS.compare[w.other],
        directory=lambda w, output: Path(output.quantities).parent,
    message:
        "benchmark: structure of the melt of {wildcards.other}"


use rule benchmark_coexistence as benchmark_coexistence_of_others with:
    input:
        lambda w: potential_files(BENCHMARKS.compare[w.other]),
    output:
        quantities=f"{RUN}/benchmarks/compare/{{other}}/coexistence/quantities.csv",
    log:
        f"{RUN}/logs/benchmark_coexistence_of_others/{{other}}.log",
    benchmark:
        f"{RUN}/costs/benchmark_coexistence_of_others.{{other}}.tsv"
    params:
        settings=coexistence_json(CONFIG),
        code=suite_digest("coexistence"),
        seed=SEED,
        potential=lambda w: BENCHMARKS.compare[w.other],
        directory=lambda w, output: Path(output.quantities).parent,
    message:
        "benchmark: melt and solid side by side, by {wildcards.other}"
