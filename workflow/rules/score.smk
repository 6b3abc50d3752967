rule score_instruments:
    input:
        measures=rules.ingest.output.measures,
    output:
        scores=expand("{out}/scores/{instrument}.parquet", out=OUT, instrument=PLAN.instruments),
        reliability=f"{OUT}/reliability.csv",
        audit=f"{OUT}/keying_audit.csv",
    log:
        f"{OUT}/logs/score/score.log",
    params:
        config=CONFIG,
        code=fingerprint("score"),
    script:
        "../scripts/score.py"
