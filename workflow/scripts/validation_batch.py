"""Analyse one batch of simulated studies."""

from bowlby.files import write_parquet
from bowlby.job import job
from validation.runs import KINDS

with job(snakemake):  # noqa: F821
    wanted, params = snakemake.wildcards, snakemake.params  # noqa: F821
    numbers = range(params.first, params.last)
    rows = KINDS[params.kind].studies(wanted.case, wanted.design, params.seed, numbers, params.detailed)
    write_parquet(snakemake.output[0], rows)  # noqa: F821
