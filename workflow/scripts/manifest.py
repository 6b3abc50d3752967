"""Write down what went in."""

from bowlby.job import job
from bowlby.manifest import write_manifest
from bowlby.plan import plan

with job(snakemake):  # noqa: F821
    write_manifest(plan(snakemake.params.config))  # noqa: F821
