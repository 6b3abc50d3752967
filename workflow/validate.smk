# Operating characteristics of the claims, by simulation: `make validate STUDIES=10000`. Batches resume where they stopped.
from bowlby.fingerprint import fingerprint
from bowlby.simulate.scenarios import SCENARIOS
from bowlby.simulate.testbed import DESIGNS

SEED = int(config.get("seed", 1))
STUDIES = int(config.get("studies", 400))
BATCH = int(config.get("batch", 200))
OUT = "results/validation"
WANTED = config.get("scenarios", ",".join(s for s in SCENARIOS if s != "example")).split(",")


rule summary:
    input:
        expand(
            "{out}/batches/{scenario}-{design}-{batch}.parquet",
            out=OUT,
            scenario=WANTED,
            design=list(DESIGNS),
            batch=range((STUDIES + BATCH - 1) // BATCH),
        ),
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
    params:
        seed=SEED,
        first=lambda wildcards: int(wildcards.batch) * BATCH,
        last=lambda wildcards: min((int(wildcards.batch) + 1) * BATCH, STUDIES),
        code=fingerprint("validate"),
    threads: 1
    script:
        "scripts/validation_batch.py"
