"""Analyse one batch of simulated studies with sessions."""

from bowlby.files import write_parquet
from bowlby.job import job
from bowlby.simulate.session_many import session_studies

with job(snakemake):  # noqa: F821
    wanted, params = snakemake.wildcards, snakemake.params  # noqa: F821
    numbers = range(params.first, params.last)
    rows = session_studies(wanted.case, wanted.design, params.seed, numbers, params.beside)
    write_parquet(snakemake.output[0], rows)  # noqa: F821
