rule compare_predictors:
    input:
        fits=expand("{out}/fits/{model}.json", out=OUT, model=PLAN.models("primary") + PLAN.models("perceived")),
        design=f"{OUT}/analysis/primary.design.json",
        adequacy=f"{OUT}/adequacy.json",
    output:
        comparison=f"{OUT}/comparison.json",
        verdict=f"{OUT}/verdict.json",
    log:
        f"{OUT}/logs/compare/compare.log",
    params:
        config=CONFIG,
        code=fingerprint("compare"),
        settings=PLAN.settings("run", "outcome", "comparison"),
    script:
        "../scripts/compare.py"
