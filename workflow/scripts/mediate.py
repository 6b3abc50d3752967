"""Indirect effects of styles through the mediators."""

from bowlby import stages
from bowlby.job import job, planned

with job(snakemake):  # noqa: F821
    run = planned(snakemake)  # noqa: F821
    stages.mediate(run.loaded, run.folder)
