"""Score the questionnaires, and audit their keys."""

from bowlby import stages
from bowlby.job import job, planned

with job(snakemake):  # noqa: F821
    run = planned(snakemake)  # noqa: F821
    stages.score(run.loaded, run.folder, run.instruments)
