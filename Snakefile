"""Ingot: from first principles to an interatomic potential that can be trusted.

    snakemake --cores all                                      the quick run of config/config.yaml
    snakemake --cores all --configfile config/laptop.yaml      another run

Science lives in config/, machines in profiles/. Every run has its own folder below `results/`;
labels lie in a store of their own, addressed by content and shared by all runs.
"""

from snakemake.utils import min_version

min_version("9.5")


envvars:
    "PATH",


if not workflow.configfiles:

    configfile: "config/config.yaml"


include: "rules/common.smk"
include: "rules/downloads.smk"
include: "rules/structures.smk"
include: "rules/labels.smk"
include: "rules/datasets.smk"
include: "rules/train.smk"
include: "rules/active_learning.smk"
include: "rules/learning_curves.smk"
include: "rules/audit.smk"
include: "rules/benchmarks.smk"
include: "rules/report.smk"


localrules:
    all,
    labels_only,
    potential_only,


rule all:
    default_target: True
    input:
        f"{RUN}/report/index.html",
        f"{RUN}/audit/index.html",
        f"{RUN}/comparison/index.html" if COMPARED else [],


rule labels_only:
    input:
        store_of("initial"),


rule potential_only:
    input:
        f"{RUN}/potential/potential.json",
