wildcard_constraints:
    set="|".join(PLAN.sets),


rule build_analysis_set:
    input:
        scores=rules.score_instruments.output.scores,
        people=rules.ingest.output.people,
    output:
        data=f"{OUT}/analysis/{{set}}.parquet",
        columns=f"{OUT}/analysis/{{set}}.columns.csv",
        membership=f"{OUT}/analysis/{{set}}.membership.parquet",
        design=f"{OUT}/analysis/{{set}}.design.json",
        flow=f"{OUT}/analysis/{{set}}.flow.json",
    log:
        f"{OUT}/logs/design/{{set}}.log",
    params:
        config=CONFIG,
        code=fingerprint("design"),
        settings=PLAN.settings("outcome", "comparison", "growth", "study"),
    script:
        "../scripts/design.py"
