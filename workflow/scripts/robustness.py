"""Compute one kind of robustness, or one shard of it."""

from pathlib import Path

from bowlby.job import job, planned
from bowlby.robustness.stage import robust

with job(snakemake):  # noqa: F821
    run = planned(snakemake)  # noqa: F821
    work = run.robustness[snakemake.params.kind]  # noqa: F821
    shard = int(snakemake.wildcards.get("shard", 1)) - 1  # noqa: F821
    robust(run.loaded, run.folder, work, Path(snakemake.output[0]), shard)  # noqa: F821
