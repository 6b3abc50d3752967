"""Build the analysis set of one model."""

from bowlby import stages
from bowlby.job import job, planned

with job(snakemake):  # noqa: F821
    run = planned(snakemake)  # noqa: F821
    stages.design(run.loaded, run.folder, snakemake.params.set, run.instruments)  # noqa: F821
