for NAME, SETS in () if "fit" in BUILT else PLAN.batches.items():

    rule:
        name:
            f"fit_{NAME}_models"
        input:
            data=expand("{out}/analysis/{set}.parquet", out=OUT, set=SETS),
            membership=expand("{out}/analysis/{set}.membership.parquet", out=OUT, set=SETS),
            design=expand("{out}/analysis/{set}.design.json", out=OUT, set=SETS),
        output:
            **fitted(SETS),
        log:
            f"{OUT}/logs/fit/{NAME}.log",
        benchmark:
            f"{OUT}/benchmarks/fit/{NAME}.tsv"
        priority: int(NAME in ("primary", "perceived"))  # the estimands wait for these
        group:
            PREPARE
        resources:
            mem_mb=megabytes(PLAN.raw, "fit"),
            runtime=minutes(PLAN.raw, "fit"),
        params:
            config=CONFIG,
            sets=SETS,
            code=fingerprint("fit"),
            settings=PLAN.settings("growth"),
        script:
            "../scripts/fit.py"
