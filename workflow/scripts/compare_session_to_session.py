"""Decide which of two series comes first from session to session."""

from bowlby import stages
from bowlby.job import job, planned

with job(snakemake):  # noqa: F821
    run = planned(snakemake)  # noqa: F821
    stages.compare_session_to_session(run.loaded, run.folder)
