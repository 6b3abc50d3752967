"""Fit the primary model in R, and say how far it is from ours."""

from bowlby import stages
from bowlby.job import job, planned

with job(snakemake):  # noqa: F821
    stages.cross_check(planned(snakemake).folder)  # noqa: F821
