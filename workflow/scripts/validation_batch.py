"""Analyse one batch of simulated studies."""

import pandas as pd

from bowlby.files import write_parquet
from bowlby.job import job
from bowlby.simulate.testbed import Replicate, validated_study

with job(snakemake):  # noqa: F821
    wanted, params = snakemake.wildcards, snakemake.params  # noqa: F821
    rows = [
        validated_study(Replicate(wanted.scenario, wanted.design, params.seed, number))
        for number in range(params.first, params.last)
    ]
    write_parquet(snakemake.output[0], pd.DataFrame(rows))  # noqa: F821
