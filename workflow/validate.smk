# Operating characteristics of the claims, by simulation: `make validate`. Batches resume where they stopped.
# On a cluster: snakemake -s workflow/validate.smk --profile profiles/slurm --config studies=10000 batch=1000
import os
from pathlib import Path

from bowlby.fingerprint import fingerprint
from bowlby.simulate.scenarios import SCENARIOS
from bowlby.simulate.testbed import DESIGNS

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):  # as in the Snakefile
    os.environ.setdefault(name, "1")

SEED = int(config.get("seed", 1))
STUDIES = int(config.get("studies", 400))
BATCH = int(config.get("batch", 2000))
OUT = "results/validation"
WANTED = config.get("scenarios", ",".join(s for s in SCENARIOS if s != "example")).split(",")


rule summary:
    input:
        notes=Path(workflow.basedir).parent / "docs" / "validation_notes.md",
        batches=[
            f"{OUT}/batches/{scenario}-{design}-{batch}.parquet"
            for scenario in WANTED
            for design in DESIGNS
            for batch in range((STUDIES + BATCH - 1) // BATCH)
        ],
    output:
        csv="docs/validation.csv",
        page="docs/validation.md",
        figure="docs/validation.png",
    log:
        f"{OUT}/logs/summary.log",
    params:
        seed=SEED,
    script:
        "scripts/validation_summary.py"


rule batch:
    output:
        f"{OUT}/batches/{{scenario}}-{{design}}-{{batch}}.parquet",
    log:
        f"{OUT}/logs/batch/{{scenario}}-{{design}}-{{batch}}.log",
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 600 * attempt,  # 250 measured, most of it libraries
        runtime=lambda wildcards, attempt: attempt * (5 + BATCH // 100),  # minutes; a hundred studies take a tenth of one at most
    params:
        seed=SEED,
        first=lambda wildcards: int(wildcards.batch) * BATCH,
        last=lambda wildcards: min((int(wildcards.batch) + 1) * BATCH, STUDIES),
        code=fingerprint("validate"),
    script:
        "scripts/validation_batch.py"
