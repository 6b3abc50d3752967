"""Draw the figures, write the tables, build the report: one of these, or of a small study all."""

from importlib import import_module

from bowlby.job import job, planned

with job(snakemake):  # noqa: F821
    folder = planned(snakemake).folder  # noqa: F821
    for part in snakemake.params.parts:  # noqa: F821
        build = import_module(f"bowlby.{part}").build
        build(folder, snakemake.threads) if part == "figures" else build(folder)  # noqa: F821
