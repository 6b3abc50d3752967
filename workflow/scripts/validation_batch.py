"""Analyse one batch of simulated studies."""

from bowlby.files import write_parquet
from bowlby.job import job
from bowlby.simulate.many import studies

with job(snakemake):  # noqa: F821
    wanted, params = snakemake.wildcards, snakemake.params  # noqa: F821
    numbers = range(params.first, params.last)
    write_parquet(snakemake.output[0], studies(wanted.scenario, wanted.design, params.seed, numbers, validate=True))  # noqa: F821
