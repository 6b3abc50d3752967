"""Put all batches of planned designs together: table and plot."""

import pandas as pd

from bowlby.files import write_csv
from bowlby.job import job
from bowlby.simulate.grid import grid_shares, plot_grid

with job(snakemake):  # noqa: F821
    studies = pd.concat([pd.read_parquet(path) for path in snakemake.input.batches], ignore_index=True)  # noqa: F821
    table = grid_shares(studies)
    write_csv(snakemake.output.table, table)  # noqa: F821
    plot_grid(table, snakemake.output.figure)  # noqa: F821
