"""Analyse one batch of simulated studies of one planned design."""

from bowlby.files import write_parquet
from bowlby.job import job
from bowlby.simulate.planning import planned_studies

with job(snakemake):  # noqa: F821
    w = snakemake.wildcards  # noqa: F821
    design = {"therapists": int(w.therapists), "patients": float(w.patients), "icc": float(w.icc),
              "switching": float(w.switching), "delta": float(w.delta)}  # fmt: skip
    studies = planned_studies(w.truth, **design, seed=int(w.seed), numbers=range(int(w.first), int(w.last)))
    write_parquet(snakemake.output[0], studies.assign(planned=w.truth, **design))  # noqa: F821
