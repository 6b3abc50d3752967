from bowlby.estimands import NAMES


rule estimate_estimands:
    input:
        data=f"{OUT}/analysis/primary.parquet",
        membership=f"{OUT}/analysis/primary.membership.parquet",
        design=f"{OUT}/analysis/primary.design.json",
        fits=expand("{out}/fits/{model}.json", out=OUT, model=PLAN.models("primary") + PLAN.models("perceived")),
        adequacy=f"{OUT}/adequacy.json",
    output:
        estimands=expand("{out}/estimands/{name}.json", out=OUT, name=NAMES),
    log:
        f"{OUT}/logs/compare/estimands.log",
    benchmark:
        f"{OUT}/benchmarks/compare/estimands.tsv"
    group:
        PREPARE
    resources:
        mem_mb=megabytes(PLAN.raw, "estimate"),
        runtime=minutes(PLAN.raw, "estimate"),
    params:
        config=CONFIG,
        code=fingerprint("estimate"),
        settings=PLAN.settings("comparison", "seed"),
    script:
        "../scripts/estimate.py"


rule compare_predictors:
    input:
        fits=expand(
            "{out}/fits/{model}.json",
            out=OUT,
            model=[
                m
                for s in ("primary", "perceived", "early", "session_to_session")
                if s in PLAN.sets
                for m in PLAN.models(s)
            ],
        ),
        design=f"{OUT}/analysis/primary.design.json",
        adequacy=f"{OUT}/adequacy.json",
        estimands=expand("{out}/estimands/{name}.json", out=OUT, name=["measurement", "sensitivity"]),
        sessions=f"{OUT}/analysis/session_to_session.design.json" if "session_to_session" in PLAN.sets else [],
        robustness=expand("{out}/robustness/{kind}.parquet", out=OUT, kind=list(PLAN.robustness)),
    output:
        comparison=f"{OUT}/comparison.json",
        verdict=f"{OUT}/verdict.json",
        robustness=f"{OUT}/robustness.json" if PLAN.robustness else [],
    log:
        f"{OUT}/logs/compare/compare.log",
    benchmark:
        f"{OUT}/benchmarks/compare/compare.tsv"
    group:
        CONCLUDE
    resources:
        mem_mb=megabytes(PLAN.raw, "compare"),
        runtime=minutes(PLAN.raw, "compare"),
    params:
        config=CONFIG,
        code=fingerprint("compare"),
        settings=PLAN.settings("run", "outcome", "comparison", "session_to_session", "robustness"),
    script:
        "../scripts/compare.py"


IDEATION = PLAN.loaded.run.of_domain("suicidal ideation")
if PLAN.loaded.run.other_outcomes or IDEATION:

    rule judge_other_outcomes:
        input:
            scores=SCORED["scores"],
            people=PEOPLE,
            fit=f"{OUT}/fits/primary.json" if "primary" in PLAN.sets else [],
        output:
            domains=f"{OUT}/domains.json" if PLAN.loaded.run.other_outcomes else [],
            ideation=f"{OUT}/suicidal_ideation.json" if IDEATION else [],
        log:
            f"{OUT}/logs/compare/domains.log",
        benchmark:
            f"{OUT}/benchmarks/compare/domains.tsv"
        group:
            CONCLUDE
        resources:
            mem_mb=megabytes(PLAN.raw, "fit"),
            runtime=minutes(PLAN.raw, "fit"),
        params:
            config=CONFIG,
            code=fingerprint("domains"),
            settings=PLAN.settings("outcome", "other_outcomes", "pool_outcomes", "comparison", "privacy", "study"),
        script:
            "../scripts/judge_domains.py"


if "pair" in PLAN.sets:

    rule compare_pair:
        input:
            fit=f"{OUT}/fits/pair.json",
            data=f"{OUT}/analysis/pair.parquet",
            membership=f"{OUT}/analysis/pair.membership.parquet",
            design=f"{OUT}/analysis/pair.design.json",
        output:
            pair=f"{OUT}/pair.json",
        log:
            f"{OUT}/logs/compare/pair.log",
        benchmark:
            f"{OUT}/benchmarks/compare/pair.tsv"
        group:
            CONCLUDE
        resources:
            mem_mb=megabytes(PLAN.raw, "robust"),
            runtime=minutes(PLAN.raw, "robust"),
        params:
            config=CONFIG,
            code=fingerprint("robust"),
            settings=PLAN.settings("run", "outcome", "pair", "seed"),
        script:
            "../scripts/compare_pair.py"


if "session_to_session" in PLAN.sets:

    rule compare_session_to_session:
        input:
            fits=expand("{out}/fits/{model}.json", out=OUT, model=PLAN.models("session_to_session")),
            design=f"{OUT}/analysis/session_to_session.design.json",
        output:
            lead=f"{OUT}/session_to_session.json",
        log:
            f"{OUT}/logs/compare/session_to_session.log",
        benchmark:
            f"{OUT}/benchmarks/compare/session_to_session.tsv"
        group:
            CONCLUDE
        resources:
            mem_mb=megabytes(PLAN.raw, "compare"),
            runtime=minutes(PLAN.raw, "compare"),
        params:
            config=CONFIG,
            code=fingerprint("compare"),
            settings=PLAN.settings("outcome", "comparison", "session_to_session"),
        script:
            "../scripts/compare_session_to_session.py"


if PLAN.loaded.run.growth and PLAN.loaded.run.growth.predictors:

    rule compare_growth:
        input:
            fits=expand("{out}/fits/{model}.json", out=OUT, model=PLAN.models("growth")),
            design=f"{OUT}/analysis/growth.design.json",
        output:
            growth=f"{OUT}/growth.json",
        log:
            f"{OUT}/logs/compare/growth.log",
        benchmark:
            f"{OUT}/benchmarks/compare/growth.tsv"
        group:
            CONCLUDE
        resources:
            mem_mb=megabytes(PLAN.raw, "compare"),
            runtime=minutes(PLAN.raw, "compare"),
        params:
            config=CONFIG,
            code=fingerprint("compare"),
            settings=PLAN.settings("run", "outcome", "growth"),
        script:
            "../scripts/compare_growth.py"


if PLAN.loaded.run.mediation:
    MEDIATORS = [f"mediation_{name}" for name in PLAN.loaded.run.mediation.mediators]

    rule mediate:
        input:
            data=expand("{out}/analysis/{set}.parquet", out=OUT, set=MEDIATORS),
            design=expand("{out}/analysis/{set}.design.json", out=OUT, set=MEDIATORS),
            fits=expand("{out}/fits/{model}.json", out=OUT, model=PLAN.models(*MEDIATORS)),
        output:
            mediation=f"{OUT}/mediation.json",
        log:
            f"{OUT}/logs/compare/mediation.log",
        benchmark:
            f"{OUT}/benchmarks/compare/mediation.tsv"
        group:
            CONCLUDE
        resources:
            mem_mb=megabytes(PLAN.raw, "compare"),
            runtime=minutes(PLAN.raw, "compare"),
        params:
            config=CONFIG,
            code=fingerprint("estimate"),
            settings=PLAN.settings("mediation", "seed"),
        script:
            "../scripts/mediate.py"


for CHANGE in [name for name in ("clinical_change", "style_transitions") if name in PLAN.sets]:

    rule:
        name:
            f"examine_{CHANGE}"
        input:
            data=f"{OUT}/analysis/{CHANGE}.parquet",
            membership=f"{OUT}/analysis/{CHANGE}.membership.parquet",
            design=f"{OUT}/analysis/{CHANGE}.design.json",
        output:
            record=f"{OUT}/{CHANGE}.json",
        log:
            f"{OUT}/logs/compare/{CHANGE}.log",
        benchmark:
            f"{OUT}/benchmarks/compare/{CHANGE}.tsv"
        group:
            CONCLUDE
        resources:
            mem_mb=megabytes(PLAN.raw, "fit"),
            runtime=minutes(PLAN.raw, "fit"),
        params:
            config=CONFIG,
            set=CHANGE,
            code=fingerprint("estimate"),
            settings=PLAN.settings(CHANGE, "privacy"),
        script:
            "../scripts/examine_change.py"


if PLAN.loaded.run.moderation:
    INTERACTIONS = [name for name in PLAN.sets if name.startswith("moderation_")]

    rule moderate:
        input:
            design=expand("{out}/analysis/{set}.design.json", out=OUT, set=INTERACTIONS),
            fits=expand("{out}/fits/{model}.json", out=OUT, model=PLAN.models(*INTERACTIONS)),
        output:
            moderation=f"{OUT}/moderation.json",
        log:
            f"{OUT}/logs/compare/moderation.log",
        benchmark:
            f"{OUT}/benchmarks/compare/moderation.tsv"
        group:
            CONCLUDE
        resources:
            mem_mb=megabytes(PLAN.raw, "compare"),
            runtime=minutes(PLAN.raw, "compare"),
        params:
            config=CONFIG,
            code=fingerprint("compare"),
            settings=PLAN.settings("moderation"),
        script:
            "../scripts/moderate.py"


if PLAN.loaded.run.response_surface:
    SURFACES = [name for name in PLAN.sets if name.startswith("response_surface_")]

    rule match_styles:
        input:
            data=expand("{out}/analysis/{set}.parquet", out=OUT, set=SURFACES),
            design=expand("{out}/analysis/{set}.design.json", out=OUT, set=SURFACES),
            fits=expand("{out}/fits/{model}.json", out=OUT, model=PLAN.models(*SURFACES)),
        output:
            surface=f"{OUT}/response_surface.json",
        log:
            f"{OUT}/logs/compare/response_surface.log",
        benchmark:
            f"{OUT}/benchmarks/compare/response_surface.tsv"
        group:
            CONCLUDE
        resources:
            mem_mb=megabytes(PLAN.raw, "compare"),
            runtime=minutes(PLAN.raw, "compare"),
        params:
            config=CONFIG,
            code=fingerprint("compare"),
            settings=PLAN.settings("response_surface", "privacy"),
        script:
            "../scripts/match_styles.py"
