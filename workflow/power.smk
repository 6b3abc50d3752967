# Power of a study not yet run, by simulation over a grid of designs; batches are jobs and resume where they stopped:
#   snakemake -s workflow/power.smk --cores all --config therapists=16,31,48 patients=10,20 icc=0.05 studies=400
# Long, on a cluster: … --workflow-profile profiles/slurm --config … studies=10000 batch=1000
import os
from itertools import product

from bowlby.fingerprint import fingerprint
from bowlby.simulate.planning import TRUTHS

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):  # as in the Snakefile
    os.environ.setdefault(name, "1")


def listed(key, default):
    return [str(value).strip() for value in str(config.get(key, default)).split(",")]


SEED, DELTA = int(config.get("seed", 1)), float(config.get("delta", 0.10))
STUDIES, BATCH = int(config.get("studies", 200)), int(config.get("batch", 200))
OUT = config.get("out", "results/power")
GRID = [
    "-".join(design)
    for design in product(
        listed("therapists", "16,31,48"), listed("patients", "12"), listed("icc", "0.05"), listed("switching", "0")
    )
]
PART = "{truth}-{therapists}-{patients}-{icc}-{switching}-delta{delta}-seed{seed}-{first}-{last}"
PARTS = [(number, min(number + BATCH, STUDIES)) for number in range(0, STUDIES, BATCH)]


rule power_summary:
    input:
        batches=[
            f"{OUT}/batches/{truth}-{design}-delta{DELTA}-seed{SEED}-{first}-{last}.parquet"
            for truth in TRUTHS
            for design in GRID
            for first, last in PARTS
        ],
    output:
        table=f"{OUT}/power.csv",
        figure=f"{OUT}/power.png",
    log:
        f"{OUT}/logs/summary.log",
    resources:
        mem_mb=lambda wildcards, attempt: 800 * attempt,
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        code=fingerprint("simulate"),
    script:
        "scripts/power_summary.py"


rule power_batch:
    output:
        f"{OUT}/batches/{PART}.parquet",
    log:
        f"{OUT}/logs/{PART}.log",
    benchmark:
        f"{OUT}/benchmarks/{PART}.tsv"
    wildcard_constraints:
        truth="|".join(TRUTHS),
        therapists=r"\d+",
        patients=r"[\d.]+",
        icc=r"[\d.]+",
        switching=r"[\d.]+",
        delta=r"[\d.]+",
        seed=r"\d+",
        first=r"\d+",
        last=r"\d+",
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 600 * attempt,  # 250 measured, most of it libraries
        runtime=lambda wildcards, attempt: attempt * (5 + BATCH // 100),
    params:
        code=fingerprint("simulate"),
    script:
        "scripts/power_batch.py"
