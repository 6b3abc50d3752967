"""Fit one model to its analysis set."""

from bowlby import stages
from bowlby.job import job, planned

with job(snakemake):  # noqa: F821
    run = planned(snakemake)  # noqa: F821
    stages.fit(run.loaded, run.folder, snakemake.params.set)  # noqa: F821
