"""Build analysis sets from scores and people; of a small study also fit their models."""

from bowlby import stages
from bowlby.job import each, job, planned

with job(snakemake):  # noqa: F821
    run = planned(snakemake)  # noqa: F821
    each(snakemake.params.sets, lambda name: stages.design(run.loaded, run.folder, name, run.instruments))  # noqa: F821
    if "fit" in snakemake.params.stages:  # noqa: F821
        each(snakemake.params.sets, lambda name: stages.fit(run.loaded, run.folder, name))  # noqa: F821
