"""Decide what is said of the predictors of the course."""

from bowlby import stages
from bowlby.job import job, planned

with job(snakemake):  # noqa: F821
    run = planned(snakemake)  # noqa: F821
    stages.compare_growth(run.loaded, run.folder)
