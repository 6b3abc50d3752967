from bowlby import figures, tables

FITS = expand("{out}/fits/{model}.{kind}", out=OUT, model=PLAN.models(), kind=["json", "random.parquet"])
SECOND = expand("{out}/fits/second/{set}.json", out=OUT, set=PLAN.sets)
VERDICT = [f"{OUT}/comparison.json", f"{OUT}/verdict.json", f"{OUT}/adequacy.json"] if "primary" in PLAN.sets else []
VERDICT += [f"{OUT}/pair.json"] if "pair" in PLAN.sets else []
VERDICT += [f"{OUT}/mediation.json"] if PLAN.loaded.run.mediation else []
VERDICT += [f"{OUT}/clinical_change.json"] if "clinical_change" in PLAN.sets else []
VERDICT += [f"{OUT}/moderation.json"] if PLAN.loaded.run.moderation else []
VERDICT += [f"{OUT}/response_surface.json"] if PLAN.loaded.run.response_surface else []
VERDICT += [f"{OUT}/session_to_session.json"] if "session_to_session" in PLAN.sets else []
GROWTH = PLAN.loaded.run.growth
VERDICT += [f"{OUT}/growth.json"] if GROWTH and GROWTH.predictors else []
VERDICT += [f"{OUT}/domains.json"] if PLAN.loaded.run.other_outcomes else []
VERDICT += [f"{OUT}/suicidal_ideation.json"] if IDEATION else []
ESTIMANDS = rules.estimate_estimands.output.estimands if "primary" in PLAN.sets else []
ANALYSIS = expand(
    "{out}/analysis/{set}.{kind}", out=OUT, set=PLAN.sets, kind=["parquet", "membership.parquet", "flow.json"]
)


rule write_manifest:
    input:
        fits=FITS,
    output:
        manifest=f"{OUT}/manifest.json",
        config=f"{OUT}/config.yaml",
        study=f"{OUT}/study.yaml",
        scripts=multiext(f"{OUT}/reproduce", ".R", ".py"),
    log:
        f"{OUT}/logs/present/manifest.log",
    benchmark:
        f"{OUT}/benchmarks/present/manifest.tsv"
    group:
        PREPARE
    resources:
        mem_mb=megabytes(PLAN.raw, "write"),
        runtime=minutes(PLAN.raw, "write"),
    params:
        config=CONFIG,
        code=fingerprint("manifest"),
        data=PLAN.checksums(),
        settings=PLAN.settings(*type(PLAN.loaded.run).model_fields),
    script:
        "../scripts/manifest.py"


rule draw_figures:
    input:
        fits=FITS,
        verdict=VERDICT,
        estimands=ESTIMANDS,
        analysis=ANALYSIS,
        flow=rules.ingest.output.flow,
        people=rules.ingest.output.people,
        scores=rules.score_instruments.output.scores,
        change=rules.score_instruments.output.change,
        robustness=expand("{out}/robustness/{kind}.parquet", out=OUT, kind=list(PLAN.robustness)),
        manifest=rules.write_manifest.output.manifest,
    output:
        shown=[
            report(f"{OUT}/figures/{name}.svg", f"../report/figures/{name}.rst", "Figures", labels={"figure": name})
            for name in figures.names(PLAN.loaded.run)
        ],
        others=[f"{OUT}/{name}" for name in figures.outputs(PLAN.loaded.run) if not name.endswith(".svg")],
    log:
        f"{OUT}/logs/present/figures.log",
    benchmark:
        f"{OUT}/benchmarks/present/figures.tsv"
    group:
        CONCLUDE
    resources:
        mem_mb=megabytes(PLAN.raw, "figures"),
        runtime=minutes(PLAN.raw, "figures"),
    params:
        config=CONFIG,
        part="figures",
        code=fingerprint("figures"),
    script:
        "../scripts/present.py"


rule write_tables:
    input:
        fits=FITS,
        estimands=ESTIMANDS,
        verdict=VERDICT,
        robustness=rules.compare_predictors.output.robustness if "primary" in PLAN.sets else [],
        manifest=rules.write_manifest.output.manifest,
        analysis=ANALYSIS,
        scores=rules.score_instruments.output.scores,
        reliability=rules.score_instruments.output.reliability,
        people=rules.ingest.output.people,
    output:
        shown=[
            report(f"{OUT}/tables/{name}.html", f"../report/tables/{name}.rst", "Tables", labels={"table": name})
            for name in tables.names(PLAN.loaded.run)
        ],
        others=[f"{OUT}/{name}" for name in tables.outputs(PLAN.loaded.run) if not name.endswith(".html")],
    log:
        f"{OUT}/logs/present/tables.log",
    benchmark:
        f"{OUT}/benchmarks/present/tables.tsv"
    group:
        CONCLUDE
    resources:
        mem_mb=megabytes(PLAN.raw, "write"),
        runtime=minutes(PLAN.raw, "write"),
    params:
        config=CONFIG,
        part="tables",
        code=fingerprint("tables"),
    script:
        "../scripts/present.py"


rule write_report:
    input:
        figures=rules.draw_figures.output,
        tables=rules.write_tables.output,
        issues=rules.ingest.output.issues,
        scored=[
            rules.score_instruments.output[name] for name in ("audit", "reliability", "severity", "styles", "change")
        ],
        manifest=rules.write_manifest.output.manifest,
        verdict=VERDICT,
        estimands=ESTIMANDS,
        second=SECOND,
        robustness=rules.compare_predictors.output.robustness if "primary" in PLAN.sets else [],
    output:
        report=report(f"{OUT}/report.html", "../report/page.rst", "Report", labels={"part": "page"}),
        methods=report(f"{OUT}/methods.md", "../report/methods.rst", "Report", labels={"part": "methods text"}),
        document=f"{OUT}/methods.docx",
    log:
        f"{OUT}/logs/present/report.log",
    benchmark:
        f"{OUT}/benchmarks/present/report.tsv"
    group:
        CONCLUDE
    resources:
        mem_mb=megabytes(PLAN.raw, "write"),
        runtime=minutes(PLAN.raw, "write"),
    params:
        config=CONFIG,
        part="report",
        code=fingerprint("report"),
    script:
        "../scripts/present.py"
