"""Summarise all batches: table, page and plot."""

from pathlib import Path

import pandas as pd

from bowlby.files import write_csv, write_text
from bowlby.job import job
from bowlby.simulate.characteristics import characteristics
from bowlby.simulate.page import page
from bowlby.simulate.plot import plot_characteristics

with job(snakemake):  # noqa: F821
    studies = pd.concat([pd.read_parquet(path) for path in snakemake.input.batches], ignore_index=True)  # noqa: F821
    table = characteristics(studies).round(5)
    write_csv(snakemake.output.csv, table)  # noqa: F821
    notes = Path(snakemake.input.notes).read_text("utf-8")  # noqa: F821
    write_text(snakemake.output.page, page(table, snakemake.params.seed, notes))  # noqa: F821
    plot_characteristics(table, snakemake.output.figure)  # noqa: F821
