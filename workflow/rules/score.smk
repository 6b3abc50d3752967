rule score_instruments:
    input:
        measures=rules.ingest.output.measures,
        people=rules.ingest.output.people,
    output:
        scores=expand("{out}/scores/{instrument}.parquet", out=OUT, instrument=PLAN.instruments),
        dictionary=multiext(f"{OUT}/scores/", "dictionary.csv", "datapackage.json"),
        reliability=f"{OUT}/reliability.csv",
        audit=f"{OUT}/keying_audit.csv",
        severity=f"{OUT}/severity.csv",
        styles=f"{OUT}/styles.csv",
        change=f"{OUT}/change.csv",
    log:
        f"{OUT}/logs/score/score.log",
    benchmark:
        f"{OUT}/benchmarks/score/score.tsv"
    group:
        PREPARE
    resources:
        mem_mb=megabytes(PLAN.raw, "score"),
        runtime=minutes(PLAN.raw, "score"),
    params:
        config=CONFIG,
        code=fingerprint("score"),
        settings=PLAN.settings("study", "outcome", "other_outcomes", "privacy"),
    script:
        "../scripts/score.py"
