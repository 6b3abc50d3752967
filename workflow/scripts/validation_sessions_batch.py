"""Analyse one batch of simulated studies with sessions."""

import pandas as pd

from bowlby.files import write_parquet
from bowlby.job import job
from bowlby.simulate.session_claims import session_claims

with job(snakemake):  # noqa: F821
    wanted, params = snakemake.wildcards, snakemake.params  # noqa: F821
    rows = [
        session_claims(wanted.case, wanted.design, params.seed, number, beside=number < params.beside)
        for number in range(params.first, params.last)
    ]
    write_parquet(snakemake.output[0], pd.DataFrame(rows))  # noqa: F821
