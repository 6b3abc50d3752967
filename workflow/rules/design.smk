# All analysis sets of a small study in one job, else one rule a set; the set of perceived attachment, which reads no
# outcome, also says what the sample can show.
for NAME, SETS in PLAN.batches.items():

    rule:
        name:
            f"build_{NAME}_sets"
        input:
            scores=rules.score_instruments.output.scores,
            people=rules.ingest.output.people,
            measures=rules.ingest.output.measures if "primary" in SETS else [],
        output:
            data=expand("{out}/analysis/{set}.parquet", out=OUT, set=SETS),
            columns=expand("{out}/analysis/{set}.columns.csv", out=OUT, set=SETS),
            membership=expand("{out}/analysis/{set}.membership.{kind}", out=OUT, set=SETS, kind=["parquet", "csv"]),
            design=expand("{out}/analysis/{set}.design.json", out=OUT, set=SETS),
            flow=expand("{out}/analysis/{set}.flow.json", out=OUT, set=SETS),
            adequacy=f"{OUT}/adequacy.json" if "perceived" in SETS else [],
        log:
            f"{OUT}/logs/design/{NAME}.log",
        benchmark:
            f"{OUT}/benchmarks/design/{NAME}.tsv"
        group:
            PREPARE
        resources:
            mem_mb=megabytes(PLAN.raw, "design"),
            runtime=minutes(PLAN.raw, "design"),
        params:
            config=CONFIG,
            sets=SETS,
            code=fingerprint("design"),
            settings=PLAN.settings(
                "outcome",
                "comparison",
                "pair",
                "growth",
                "session_to_session",
                "mediation",
                "moderation",
                "clinical_change",
                "response_surface",
                "study",
            ),
        script:
            "../scripts/design.py"
