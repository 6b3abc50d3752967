"""Write down what went in."""

from bowlby.job import job, planned, same_data
from bowlby.manifest import write_manifest

with job(snakemake):  # noqa: F821
    run = planned(snakemake)  # noqa: F821
    write_manifest(run)
    same_data(run, snakemake.params.data)  # noqa: F821
