"""Summarise all batches of studies with sessions: table, page and plot."""

from pathlib import Path

import pandas as pd

from bowlby.files import write_csv, write_text
from bowlby.job import job
from bowlby.simulate.plot import plot_characteristics
from bowlby.simulate.session_bed import CELLS
from bowlby.simulate.session_page import session_characteristics, session_page

with job(snakemake):  # noqa: F821
    studies = pd.concat([pd.read_parquet(path) for path in snakemake.input.batches], ignore_index=True)  # noqa: F821
    table = session_characteristics(studies).round(5)
    write_csv(snakemake.output.csv, table)  # noqa: F821
    notes = Path(snakemake.input.notes).read_text("utf-8")  # noqa: F821
    write_text(snakemake.output.page, session_page(table, snakemake.params.seed, notes))  # noqa: F821
    plot_characteristics(table[table["scenario"].isin(CELLS)], snakemake.output.figure)  # noqa: F821
