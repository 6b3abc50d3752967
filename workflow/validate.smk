# Operating characteristics of the claims, by simulation: `make validate`, `make validate-sessions`. Batches resume where
# they stopped. On a cluster:
#   snakemake -s workflow/validate.smk --profile profiles/slurm --config studies=10000 batch=1000
import os
import sys
from pathlib import Path

ROOT = Path(workflow.basedir).parent
sys.path.insert(0, str(ROOT))  # validation is not part of the installed package
os.environ.update(PYTHONPATH=str(ROOT))
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):  # as in the Snakefile
    os.environ.setdefault(name, "1")

from bowlby.fingerprint import fingerprint
from validation.runs import KINDS

KIND = KINDS[config.get("kind", "claims")]
SEED = int(config.get("seed", KIND.seed))
STUDIES = int(config.get("studies", 1000))
FEWER = int(config.get("fewer", min(STUDIES, 400)))  # of variants and cases that are analysed one by one
DETAILED = int(config.get("detailed", 100))  # with the model of the single sessions, or a world's warnings
BATCH = int(config.get("batch", 500))
OUT = f"results/{KIND.name}"
WANTED = str(config.get("scenarios", ",".join(KIND.cases))).split(",")


def studies(case):
    return FEWER if case in KIND.slow else STUDIES


rule summary:
    input:
        notes=ROOT / "docs" / f"{KIND.name}_notes.md",
        batches=[
            f"{OUT}/batches/{case}-{design}-{batch}.parquet"
            for case in WANTED
            for design in KIND.designs(case)
            for batch in range((studies(case) + BATCH - 1) // BATCH)
        ],
    output:
        csv=f"docs/{KIND.name}.csv",
        page=f"docs/{KIND.name}.md",
        figure=f"docs/{KIND.name}.png",
    log:
        f"{OUT}/logs/summary.log",
    params:
        kind=KIND.id,
        seed=SEED,
    script:
        "scripts/validation_summary.py"


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
        mem_mb=lambda wildcards, attempt: 600 * attempt,  # 250 measured, most of it libraries
        runtime=lambda wildcards, attempt: attempt * (5 + BATCH // 50),  # minutes; a hundred studies take a tenth to 2
    params:
        kind=KIND.id,
        seed=SEED,
        first=lambda wildcards: int(wildcards.batch) * BATCH,
        last=lambda wildcards: min((int(wildcards.batch) + 1) * BATCH, studies(wildcards.case)),
        detailed=lambda wildcards: 0 if wildcards.case in KIND.unjudged else DETAILED,
        code=fingerprint("simulate", ROOT / "validation"),
    script:
        "scripts/validation_batch.py"
