"""Summarise all batches: table, page and plot."""

from pathlib import Path

import pandas as pd

from bowlby.files import write_csv, write_text
from bowlby.job import job
from validation.plot import plot_characteristics
from validation.runs import KINDS

with job(snakemake):  # noqa: F821
    kind = KINDS[snakemake.params.kind]  # noqa: F821
    rows = pd.concat([pd.read_parquet(path) for path in snakemake.input.batches], ignore_index=True)  # noqa: F821
    table = kind.characteristics(rows).round(5)
    write_csv(snakemake.output.csv, table)  # noqa: F821
    notes = Path(snakemake.input.notes).read_text("utf-8")  # noqa: F821
    write_text(snakemake.output.page, kind.page(table, snakemake.params.seed, notes))  # noqa: F821
    plot_characteristics(kind.judged(table), snakemake.output.figure)  # noqa: F821
