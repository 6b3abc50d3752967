# One rule an analysis set; the set of perceived attachment, which reads no outcome, also says what the sample can show.
for SET in PLAN.sets:

    rule:
        name:
            f"build_{SET}_set"
        input:
            scores=rules.score_instruments.output.scores,
            people=rules.ingest.output.people,
            measures=rules.ingest.output.measures if SET == "primary" else [],
        output:
            data=f"{OUT}/analysis/{SET}.parquet",
            columns=f"{OUT}/analysis/{SET}.columns.csv",
            membership=multiext(f"{OUT}/analysis/{SET}.membership", ".parquet", ".csv"),
            design=f"{OUT}/analysis/{SET}.design.json",
            flow=f"{OUT}/analysis/{SET}.flow.json",
            adequacy=f"{OUT}/adequacy.json" if SET == "perceived" else [],
        log:
            f"{OUT}/logs/design/{SET}.log",
        benchmark:
            f"{OUT}/benchmarks/design/{SET}.tsv"
        group:
            PREPARE
        resources:
            mem_mb=megabytes(PLAN.raw, "design"),
            runtime=minutes(PLAN.raw, "design"),
        params:
            config=CONFIG,
            set=SET,
            code=fingerprint("design"),
            settings=PLAN.settings("outcome", "comparison", "pair", "growth", "study"),
        script:
            "../scripts/design.py"
