"""The comparison for other outcomes."""

from bowlby import stages
from bowlby.job import job
from bowlby.plan import plan

with job(snakemake):  # noqa: F821
    run = plan(snakemake.params.config)  # noqa: F821
    stages.judge_domains(run.loaded, run.folder)
