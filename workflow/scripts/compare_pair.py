"""Decide which of two predictors is associated more with outcome."""

from bowlby import stages
from bowlby.job import job
from bowlby.plan import plan

with job(snakemake):  # noqa: F821
    run = plan(snakemake.params.config)  # noqa: F821
    stages.compare_pair(run.loaded, run.folder)
