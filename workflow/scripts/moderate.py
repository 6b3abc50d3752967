"""How slopes depend on moderators."""

from bowlby import stages
from bowlby.job import job, planned

with job(snakemake):  # noqa: F821
    run = planned(snakemake)  # noqa: F821
    stages.moderate(run.loaded, run.folder)
