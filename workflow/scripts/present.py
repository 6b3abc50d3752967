"""Draw the figures, write the tables, or build the report."""

from importlib import import_module

from bowlby.job import job, planned

with job(snakemake):  # noqa: F821
    import_module(f"bowlby.{snakemake.params.part}").build(planned(snakemake).folder)  # noqa: F821
