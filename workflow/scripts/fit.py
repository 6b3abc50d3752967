"""Fit the models of analysis sets."""

from bowlby import stages
from bowlby.job import each, job, planned

with job(snakemake):  # noqa: F821
    run = planned(snakemake)  # noqa: F821
    each(snakemake.params.sets, lambda name: stages.fit(run.loaded, run.folder, name))  # noqa: F821
