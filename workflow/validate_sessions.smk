# Operating characteristics of the claims with session data: `make validate-sessions`. Batches resume where they stopped.
import os
from pathlib import Path

from bowlby.fingerprint import fingerprint
from bowlby.simulate.session_bed import CASES, CELLS
from bowlby.simulate.testbed import DESIGNS

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):  # as in the Snakefile
    os.environ.setdefault(name, "1")

SEED = int(config.get("seed", 2))
STUDIES = int(config.get("studies", 1000))
VARIANT = int(config.get("variant", min(STUDIES, 400)))  # studies of the variants, which are not judged
BESIDE = int(config.get("beside", 100))  # studies of a scenario that have the model of the single sessions too
BATCH = int(config.get("batch", 500))
OUT = "results/validation_sessions"
WANTED = config.get("cases", ",".join(CASES)).split(",")


def studies(case):
    return STUDIES if case in CELLS else VARIANT


rule summary:
    input:
        notes=Path(workflow.basedir).parent / "docs" / "validation_sessions_notes.md",
        batches=[
            f"{OUT}/batches/{case}-{design}-{batch}.parquet"
            for case in WANTED
            for design in DESIGNS
            for batch in range((studies(case) + BATCH - 1) // BATCH)
        ],
    output:
        csv="docs/validation_sessions.csv",
        page="docs/validation_sessions.md",
        figure="docs/validation_sessions.png",
    log:
        f"{OUT}/logs/summary.log",
    params:
        seed=SEED,
    script:
        "scripts/validation_sessions_summary.py"


rule batch:
    output:
        f"{OUT}/batches/{{case}}-{{design}}-{{batch}}.parquet",
    log:
        f"{OUT}/logs/batch/{{case}}-{{design}}-{{batch}}.log",
    wildcard_constraints:
        design=r"\d+x\d+",
        batch=r"\d+",
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 600 * attempt,
        runtime=lambda wildcards, attempt: attempt * (5 + BATCH // 50),  # minutes; 500 studies take a half to two
    params:
        seed=SEED,
        first=lambda wildcards: int(wildcards.batch) * BATCH,
        last=lambda wildcards: min((int(wildcards.batch) + 1) * BATCH, studies(wildcards.case)),
        beside=lambda wildcards: BESIDE if wildcards.case in CELLS else 0,
        code=fingerprint("validate"),
    script:
        "scripts/validation_sessions_batch.py"
