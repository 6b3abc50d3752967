"""Put the shards of one kind of robustness together."""

from pathlib import Path

from bowlby.job import job, planned
from bowlby.robustness.stage import gather_shards

with job(snakemake):  # noqa: F821
    run = planned(snakemake)  # noqa: F821
    work = run.robustness[snakemake.params.kind]  # noqa: F821
    shards = [Path(path) for path in snakemake.input.shards]  # noqa: F821
    gather_shards(run.loaded, run.folder, work, shards, Path(snakemake.output[0]))  # noqa: F821
