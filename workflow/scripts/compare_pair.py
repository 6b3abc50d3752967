"""Decide which of two predictors is associated more with outcome."""

from bowlby import stages
from bowlby.job import job, planned

with job(snakemake):  # noqa: F821
    run = planned(snakemake)  # noqa: F821
    stages.compare_pair(run.loaded, run.folder)
