wildcard_constraints:
    model="|".join(PLAN.models),


rule build_analysis_set:
    input:
        scores=rules.score_instruments.output.scores,
        people=rules.ingest.output.people,
    output:
        data=f"{OUT}/analysis/{{model}}.parquet",
        columns=f"{OUT}/analysis/{{model}}.columns.csv",
        membership=f"{OUT}/analysis/{{model}}.membership.parquet",
        design=f"{OUT}/analysis/{{model}}.design.json",
        flow=f"{OUT}/analysis/{{model}}.flow.json",
    log:
        f"{OUT}/logs/design/{{model}}.log",
    params:
        config=CONFIG,
        code=fingerprint("design"),
        settings=PLAN.settings("outcome", "comparison", "growth", "study"),
    script:
        "../scripts/design.py"
