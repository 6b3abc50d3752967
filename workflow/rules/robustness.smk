from bowlby.robustness.jobs import inputs, settings_of

# One job a kind; shards only where one job would last long. Each replicate draws from its own address, so the number of
# shards changes nothing in the results.
for WORK in PLAN.robustness.values():
    if WORK.shards == 1:

        rule:
            name:
                f"robustness_{WORK.kind}"
            input:
                made_from=[f"{OUT}/{name}" for name in inputs(PLAN.loaded.run, WORK.kind)],
            output:
                table=f"{OUT}/robustness/{WORK.kind}.parquet",
            log:
                f"{OUT}/logs/robustness/{WORK.kind}.log",
            benchmark:
                f"{OUT}/benchmarks/robustness/{WORK.kind}.tsv"
            threads: 1
            resources:
                mem_mb=megabytes(PLAN.raw, "robust"),
                runtime=minutes(PLAN.raw, "robust"),
            params:
                config=CONFIG,
                kind=WORK.kind,
                replicates=WORK.replicates,
                code=fingerprint("robust"),
                settings=PLAN.settings(*settings_of(WORK.kind)),
            script:
                "../scripts/robustness.py"

    else:

        rule:
            name:
                f"shard_{WORK.kind}"
            input:
                made_from=[f"{OUT}/{name}" for name in inputs(PLAN.loaded.run, WORK.kind)],
            output:
                table=f"{OUT}/robustness/shards/{WORK.kind}/{{shard}}-of-{WORK.shards}.parquet",
            log:
                f"{OUT}/logs/robustness/{WORK.kind}-{{shard}}-of-{WORK.shards}.log",
            benchmark:
                f"{OUT}/benchmarks/robustness/{WORK.kind}-{{shard}}-of-{WORK.shards}.tsv"
            threads: 1
            resources:
                mem_mb=megabytes(PLAN.raw, "robust"),
                runtime=minutes(PLAN.raw, "robust"),
            params:
                config=CONFIG,
                kind=WORK.kind,
                replicates=WORK.replicates,
                code=fingerprint("robust"),
                settings=PLAN.settings(*settings_of(WORK.kind)),
            script:
                "../scripts/robustness.py"

        rule:
            name:
                f"gather_{WORK.kind}"
            input:
                made_from=[f"{OUT}/{name}" for name in inputs(PLAN.loaded.run, WORK.kind)],
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
            benchmark:
                f"{OUT}/benchmarks/robustness/{WORK.kind}.tsv"
            group:
                CONCLUDE
            threads: 1
            resources:
                mem_mb=megabytes(PLAN.raw, "compare"),
                runtime=minutes(PLAN.raw, "compare"),
            params:
                config=CONFIG,
                kind=WORK.kind,
                replicates=WORK.replicates,
                code=fingerprint("robust"),
                settings=PLAN.settings(*settings_of(WORK.kind)),
            script:
                "../scripts/gather.py"
