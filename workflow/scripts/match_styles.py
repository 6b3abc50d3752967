"""Decide whether outcome is best if patient and therapist match."""

from bowlby import stages
from bowlby.job import job, planned

with job(snakemake):  # noqa: F821
    run = planned(snakemake)  # noqa: F821
    stages.match(run.loaded, run.folder)
