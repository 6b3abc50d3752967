"""The comparison for other outcomes."""

from bowlby import stages
from bowlby.job import job, planned

with job(snakemake):  # noqa: F821
    run = planned(snakemake)  # noqa: F821
    stages.judge_domains(run.loaded, run.folder)
