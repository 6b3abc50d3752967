"""Build the analysis set of one model."""

from bowlby import stages
from bowlby.job import job
from bowlby.plan import plan

with job(snakemake):  # noqa: F821
    run = plan(snakemake.params.config)  # noqa: F821
    stages.design(run.loaded, run.folder, snakemake.params.set, run.instruments)  # noqa: F821
