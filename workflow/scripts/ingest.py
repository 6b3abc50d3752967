"""Read the study's raw files; of a small study also score the questionnaires."""

from bowlby import stages
from bowlby.job import job, planned, same_data

with job(snakemake):  # noqa: F821
    run = planned(snakemake)  # noqa: F821
    stages.ingest(run.loaded, run.folder)
    same_data(run, snakemake.params.data)  # noqa: F821
    if "score" in snakemake.params.stages:  # noqa: F821
        stages.score(run.loaded, run.folder, run.instruments)
