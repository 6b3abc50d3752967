"""Write down what went in, and the programs that fit the main models again."""

from bowlby.job import job, planned, same_data
from bowlby.manifest import write_manifest
from bowlby.reproduction.scripts import write_scripts

with job(snakemake):  # noqa: F821
    run = planned(snakemake)  # noqa: F821
    write_manifest(run)
    write_scripts(run.folder, run.models(), run.loaded.title)
    same_data(run, snakemake.params.data)  # noqa: F821
