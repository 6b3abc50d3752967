"""Make the stages of a job."""

import os

# A job of two cores has two processes (Snakemake would give each two threads, which wait for each other).
os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

from bowlby.job import job, planned, same_data
from bowlby.steps import run_steps

with job(snakemake):  # noqa: F821
    run = planned(snakemake)  # noqa: F821
    run_steps(run, snakemake.params.steps, snakemake.threads)  # noqa: F821
    if snakemake.params.data:  # noqa: F821
        same_data(run, snakemake.params.data)  # noqa: F821
