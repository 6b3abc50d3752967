rule ingest:
    input:
        raw=PLAN.raw,
    output:
        people=expand("{out}/people/{table}.parquet", out=OUT, table=["patients", "therapists", "episodes", "sessions"]),
        measures=expand("{out}/measures/{instrument}.parquet", out=OUT, instrument=PLAN.instruments),
        issues=f"{OUT}/issues.csv",
        flow=f"{OUT}/flow.json",
    log:
        f"{OUT}/logs/ingest/ingest.log",
    params:
        config=CONFIG,
        code=fingerprint("ingest"),
        data=PLAN.checksums(),
        settings=PLAN.settings("study"),
    script:
        "../scripts/ingest.py"
