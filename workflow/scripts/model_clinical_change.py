"""Predictors of clinical change."""

from bowlby import stages
from bowlby.job import job, planned

with job(snakemake):  # noqa: F821
    run = planned(snakemake)  # noqa: F821
    stages.model_clinical_change(run.loaded, run.folder)
