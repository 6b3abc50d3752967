# Robustness checks that are separate jobs: those of a large study, and those of a small one if they take over half a minute
# in total or one is split. Quick kinds share a job, and so do those that start from the same imputations; shards only where
# one job would last long. Each replicate draws from its own address, so that neither changes anything in the results.
for NAME, BATCH in PLAN.apart.items():
    KINDS, SHARDS = [work.kind for work in BATCH], BATCH[0].shards
    PART = "" if SHARDS == 1 else f"-{{shard}}-of-{SHARDS}"
    TABLE = "{kind}.parquet" if SHARDS == 1 else "shards/{kind}/{{shard}}-of-{n}.parquet"

    rule:
        name:
            f"robustness_{NAME}" if SHARDS == 1 else f"shard_{NAME}"
        input:
            made_from=made_from(*KINDS),
        output:
            tables=expand(f"{OUT}/robustness/{TABLE}", kind=KINDS, n=SHARDS),
        log:
            f"{OUT}/logs/robustness/{NAME}{PART}.log",
        benchmark:
            f"{OUT}/benchmarks/robustness/{NAME}{PART}.tsv"
        priority: int(PLAN.small)  # the longest jobs of a small study come first
        threads: 1
        resources:
            mem_mb=megabytes(PLAN.raw, "robust"),
            runtime=minutes(PLAN.raw, "robust"),
        params:
            config=CONFIG,
            kinds=KINDS,
            replicates=[work.replicates for work in BATCH],
            code=fingerprint("robust"),
            settings=PLAN.settings(*settings_of(*KINDS)),
        script:
            "../scripts/robustness.py"

    for WORK in BATCH if SHARDS > 1 else []:

        rule:
            name:
                f"gather_{WORK.kind}"
            input:
                made_from=made_from(WORK.kind),
                shards=expand(
                    "{out}/robustness/shards/{kind}/{shard}-of-{n}.parquet",
                    out=OUT,
                    kind=WORK.kind,
                    shard=range(1, SHARDS + 1),
                    n=SHARDS,
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
