"""Build analysis sets from scores and people."""

from bowlby import stages
from bowlby.job import each, job, planned

with job(snakemake):  # noqa: F821
    run = planned(snakemake)  # noqa: F821
    each(snakemake.params.sets, lambda name: stages.design(run.loaded, run.folder, name, run.instruments))  # noqa: F821
