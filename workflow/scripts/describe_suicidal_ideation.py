"""Counts and an ordinal model of suicidal ideation."""

from bowlby import stages
from bowlby.job import job, planned

with job(snakemake):  # noqa: F821
    run = planned(snakemake)  # noqa: F821
    stages.describe_suicidal_ideation(run.loaded, run.folder)
