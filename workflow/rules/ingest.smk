rule ingest:
    # Raw files are no input: their content counts, in `data`, and not the date, which may lie in the future.
    output:
        people=expand("{out}/people/{table}.parquet", out=OUT, table=["patients", "therapists", "episodes", "sessions"]),
        measures=expand("{out}/measures/{instrument}.parquet", out=OUT, instrument=PLAN.instruments),
        issues=report(f"{OUT}/issues.csv", "../report/issues.rst", "Data", labels={"table": "issues"}),
        flow=f"{OUT}/people/flow.json",
        dictionary=multiext(f"{OUT}/", "dictionary.csv", "datapackage.json"),
    log:
        f"{OUT}/logs/ingest/ingest.log",
    benchmark:
        f"{OUT}/benchmarks/ingest/ingest.tsv"
    group:
        PREPARE
    resources:
        mem_mb=megabytes(PLAN.raw, "ingest"),
        runtime=minutes(PLAN.raw, "ingest"),
    params:
        config=CONFIG,
        code=fingerprint("ingest"),
        data=PLAN.checksums(),
        settings=PLAN.settings("study", "comparison.therapist_style"),
    script:
        "../scripts/ingest.py"
