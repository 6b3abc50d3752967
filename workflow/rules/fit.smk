rule fit_model:
    input:
        data=rules.build_analysis_set.output.data,
        design=rules.build_analysis_set.output.design,
    output:
        fit=f"{OUT}/fits/{{model}}.json",
        random=f"{OUT}/fits/{{model}}.random.parquet",
    log:
        f"{OUT}/logs/fit/{{model}}.log",
    benchmark:
        f"{OUT}/benchmarks/fit/{{model}}.tsv"
    params:
        config=CONFIG,
        code=fingerprint("fit"),
        settings=PLAN.settings("growth"),
    script:
        "../scripts/fit.py"
