if "score" not in READ:

    rule score_instruments:
        input:
            measures=MEASURES,
            people=PEOPLE,
        output:
            **SCORED,
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
            settings=PLAN.settings(*SCORED_BY),
        script:
            "../scripts/score.py"
