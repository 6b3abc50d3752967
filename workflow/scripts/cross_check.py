"""Fit the primary model in R, and say how far it is from ours."""

from bowlby import stages
from bowlby.job import job
from bowlby.plan import plan

with job(snakemake):  # noqa: F821
    stages.cross_check(plan(snakemake.params.config).folder)  # noqa: F821
