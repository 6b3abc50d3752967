# One job a kind; shards only where one job would last long. Each replicate draws from its own address, so the number of
# shards changes nothing in the results.
ROBUST_SETS = expand(
    "{out}/analysis/{set}.{kind}",
    out=OUT,
    set=["primary", "perceived"],
    kind=["parquet", "membership.parquet", "design.json"],
)
if PLAN.loaded.run.robustness and PLAN.loaded.run.robustness.strata:
    ROBUST_SETS.append(f"{OUT}/people/patients.parquet")
ROBUST_SETTINGS = PLAN.settings("comparison", "seed", "robustness.strata")

for WORK in PLAN.robustness.values():
    if WORK.shards == 1:

        rule:
            name:
                f"robustness_{WORK.kind}"
            input:
                sets=ROBUST_SETS,
            output:
                table=f"{OUT}/robustness/{WORK.kind}.parquet",
            log:
                f"{OUT}/logs/robustness/{WORK.kind}.log",
            benchmark:
                f"{OUT}/benchmarks/robustness/{WORK.kind}.tsv"
            params:
                config=CONFIG,
                kind=WORK.kind,
                replicates=WORK.replicates,
                code=fingerprint("robust"),
                settings=ROBUST_SETTINGS,
            threads: 1
            script:
                "../scripts/robustness.py"

    else:

        rule:
            name:
                f"shard_{WORK.kind}"
            input:
                sets=ROBUST_SETS,
            output:
                table=f"{OUT}/robustness/shards/{WORK.kind}/{{shard}}-of-{WORK.shards}.parquet",
            log:
                f"{OUT}/logs/robustness/{WORK.kind}-{{shard}}-of-{WORK.shards}.log",
            benchmark:
                f"{OUT}/benchmarks/robustness/{WORK.kind}-{{shard}}-of-{WORK.shards}.tsv"
            params:
                config=CONFIG,
                kind=WORK.kind,
                replicates=WORK.replicates,
                code=fingerprint("robust"),
                settings=ROBUST_SETTINGS,
            threads: 1
            script:
                "../scripts/robustness.py"

        rule:
            name:
                f"gather_{WORK.kind}"
            input:
                sets=ROBUST_SETS,
                shards=expand(
                    "{out}/robustness/shards/{kind}/{shard}-of-{n}.parquet",
                    out=OUT,
                    kind=WORK.kind,
                    shard=range(1, WORK.shards + 1),
                    n=WORK.shards,
                ),
            output:
                table=f"{OUT}/robustness/{WORK.kind}.parquet",
            log:
                f"{OUT}/logs/robustness/{WORK.kind}.log",
            params:
                config=CONFIG,
                kind=WORK.kind,
                replicates=WORK.replicates,
                code=fingerprint("robust"),
                settings=ROBUST_SETTINGS,
            threads: 1
            script:
                "../scripts/gather.py"
