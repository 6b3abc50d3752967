"""Draw the figures, write the tables, or build the report."""

from importlib import import_module

from bowlby.job import job
from bowlby.plan import plan

with job(snakemake):  # noqa: F821
    import_module(f"bowlby.{snakemake.params.part}").build(plan(snakemake.params.config).folder)  # noqa: F821
