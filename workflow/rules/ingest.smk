PEOPLE = expand("{out}/people/{table}.parquet", out=OUT, table=["patients", "therapists", "episodes", "sessions"])
MEASURES = expand("{out}/measures/{instrument}.parquet", out=OUT, instrument=PLAN.instruments)
DICTIONARY = multiext(f"{OUT}/", "dictionary.csv", "datapackage.json")
SCORED = {
    "scores": expand("{out}/scores/{instrument}.parquet", out=OUT, instrument=PLAN.instruments),
    "score_dictionary": multiext(f"{OUT}/scores/", "dictionary.csv", "datapackage.json"),
    "reliability": f"{OUT}/reliability.csv",
    "audit": f"{OUT}/keying_audit.csv",
    "severity": f"{OUT}/severity.csv",
    "styles": f"{OUT}/styles.csv",
    "change": f"{OUT}/change.csv",
}
SCORED_BY = ["study", "outcome", "other_outcomes", "privacy"]  # settings
READ = ["ingest", "score"] if PLAN.small else ["ingest"]  # a job costs its start-up


rule:
    name:
        "_and_".join(READ)
    # Raw files are no input: their content counts, in `data`, and not the date, which may lie in the future.
    output:
        **(SCORED if "score" in READ else {}),
        people=PEOPLE,
        measures=MEASURES,
        issues=report(f"{OUT}/issues.csv", "../report/issues.rst", "Data", labels={"table": "issues"}),
        flow=f"{OUT}/people/flow.json",
        dictionary=DICTIONARY,
    log:
        f"{OUT}/logs/ingest/ingest.log",
    benchmark:
        f"{OUT}/benchmarks/ingest/ingest.tsv"
    group:
        PREPARE
    resources:
        mem_mb=megabytes(PLAN.raw, *READ),
        runtime=minutes(PLAN.raw, *READ),
    params:
        config=CONFIG,
        stages=READ,
        code=[fingerprint("ingest"), fingerprint("score") if "score" in READ else ""],
        data=PLAN.checksums(),
        settings=PLAN.settings("study", "comparison.therapist_style", *(SCORED_BY if "score" in READ else [])),
    script:
        "../scripts/ingest.py"
