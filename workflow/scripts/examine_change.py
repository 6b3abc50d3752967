"""Change of patients: predictors of clinical change, or change of attachment style."""

from bowlby import stages
from bowlby.job import job, planned

with job(snakemake):  # noqa: F821
    run = planned(snakemake)  # noqa: F821
    stages.examine_change(run.loaded, run.folder, snakemake.params.set)  # noqa: F821
