"""Compute kinds of robustness, or one shard of each."""

from pathlib import Path

from bowlby.job import job, planned
from bowlby.robustness.stage import Sources, compute_shard

with job(snakemake):  # noqa: F821
    run = planned(snakemake)  # noqa: F821
    shard = int(snakemake.wildcards.get("shard", 1)) - 1  # noqa: F821
    sources = Sources(run.loaded, run.folder)
    for kind, path in zip(snakemake.params.kinds, snakemake.output, strict=True):  # noqa: F821
        compute_shard(sources, run.robustness[kind], Path(path), shard)
