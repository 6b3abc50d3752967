# One rule an analysis set: a job costs its start-up, and all models of a set are fitted in less.
for SET in PLAN.sets:

    rule:
        name:
            f"fit_{SET}_models"
        input:
            data=f"{OUT}/analysis/{SET}.parquet",
            membership=f"{OUT}/analysis/{SET}.membership.parquet",
            design=f"{OUT}/analysis/{SET}.design.json",
        output:
            fits=expand("{out}/fits/{model}.json", out=OUT, model=PLAN.models(SET)),
            random=expand("{out}/fits/{model}.random.parquet", out=OUT, model=PLAN.models(SET)),
            second=f"{OUT}/fits/second/{SET}.json",
        log:
            f"{OUT}/logs/fit/{SET}.log",
        benchmark:
            f"{OUT}/benchmarks/fit/{SET}.tsv"
        group:
            PREPARE
        resources:
            mem_mb=megabytes(PLAN.raw, "fit"),
            runtime=minutes(PLAN.raw, "fit"),
        params:
            config=CONFIG,
            set=SET,
            code=fingerprint("fit"),
            settings=PLAN.settings("growth"),
        script:
            "../scripts/fit.py"
