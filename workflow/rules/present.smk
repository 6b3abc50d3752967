from bowlby import figures, tables

FITS = expand("{out}/fits/{model}.{kind}", out=OUT, model=PLAN.models(), kind=["json", "random.parquet"])
VERDICT = [f"{OUT}/comparison.json", f"{OUT}/verdict.json", f"{OUT}/adequacy.json"] if "primary" in PLAN.sets else []
VERDICT += [f"{OUT}/pair.json"] if "pair" in PLAN.sets else []
VERDICT += [f"{OUT}/mediation.json"] if PLAN.loaded.run.mediation else []
VERDICT += [f"{OUT}/clinical_change.json"] if "clinical_change" in PLAN.sets else []
VERDICT += [f"{OUT}/moderation.json"] if PLAN.loaded.run.moderation else []
VERDICT += [f"{OUT}/response_surface.json"] if PLAN.loaded.run.response_surface else []
VERDICT += [f"{OUT}/style_transitions.json"] if "style_transitions" in PLAN.sets else []
VERDICT += [f"{OUT}/session_to_session.json"] if "session_to_session" in PLAN.sets else []
GROWTH = PLAN.loaded.run.growth
VERDICT += [f"{OUT}/growth.json"] if GROWTH and GROWTH.predictors else []
VERDICT += [f"{OUT}/domains.json"] if PLAN.loaded.run.other_outcomes else []
VERDICT += [f"{OUT}/suicidal_ideation.json"] if IDEATION else []
ROBUSTNESS = rules.compare_predictors.output.robustness if "primary" in PLAN.sets else []
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


# What each part is made from, and its files. One job makes all three for a small study.
FROM = {
    "figures": {
        "fits": FITS,
        "verdict": VERDICT,
        "estimands": ESTIMANDS,
        "analysis": ANALYSIS,
        "flow": f"{OUT}/people/flow.json",
        "people": PEOPLE,
        "scores": SCORED["scores"],
        "change": SCORED["change"],
        "replicates": expand("{out}/robustness/{kind}.parquet", out=OUT, kind=list(PLAN.robustness)),
        "manifest": rules.write_manifest.output.manifest,
    },
    "tables": {
        "fits": FITS,
        "verdict": VERDICT,
        "estimands": ESTIMANDS,
        "analysis": ANALYSIS,
        "people": PEOPLE,
        "scores": SCORED["scores"],
        "reliability": SCORED["reliability"],
        "robustness": ROBUSTNESS,
        "manifest": rules.write_manifest.output.manifest,
    },
    "report": {
        "verdict": VERDICT,
        "estimands": ESTIMANDS,
        "issues": f"{OUT}/issues.csv",
        "scored": [SCORED[name] for name in ("audit", "reliability", "severity", "styles", "change")],
        "second": expand("{out}/fits/second/{set}.json", out=OUT, set=PLAN.sets),
        "robustness": ROBUSTNESS,
        "manifest": rules.write_manifest.output.manifest,
    },
}

# A file that Snakemake's own report shows, with its caption in workflow/report.
CAPTIONED = lambda file, caption, category, **labels: report(
    f"{OUT}/{file}", f"../report/{caption}.rst", category, labels=labels
)
MADE = {
    "figures": {
        "figures": [
            CAPTIONED(f"figures/{name}.svg", f"figures/{name}", "Figures", figure=name)
            for name in figures.names(PLAN.loaded.run)
        ],
        "figure_files": [f"{OUT}/{name}" for name in figures.outputs(PLAN.loaded.run) if not name.endswith(".svg")],
    },
    "tables": {
        "tables": [
            CAPTIONED(f"tables/{name}.html", f"tables/{name}", "Tables", table=name)
            for name in tables.names(PLAN.loaded.run)
        ],
        "table_files": [f"{OUT}/{name}" for name in tables.outputs(PLAN.loaded.run) if not name.endswith(".html")],
    },
    "report": {
        "report": CAPTIONED("report.html", "page", "Report", part="page"),
        "methods": CAPTIONED("methods.md", "methods", "Report", part="methods text"),
        "document": f"{OUT}/methods.docx",
        "summary": f"{OUT}/summary.txt",
    },
}
CODE = {"figures": fingerprint("figures"), "tables": fingerprint("tables"), "report": fingerprint("report")}
NEED = {"figures": "figures", "tables": "write", "report": "write"}
APART = {"draw_figures": ["figures"], "write_tables": ["tables"], "write_report": ["report"]}

for NAME, PARTS in ({"present": ["figures", "tables", "report"]} if PLAN.small else APART).items():

    rule:
        name:
            NAME
        input:
            **{key: files for part in PARTS for key, files in FROM[part].items()},
            made=[] if PLAN.small or NAME != "write_report" else [*MADE["figures"].values(), *MADE["tables"].values()],
        output:
            **{key: files for part in PARTS for key, files in MADE[part].items()},
        log:
            f"{OUT}/logs/present/{'-'.join(PARTS)}.log",
        benchmark:
            f"{OUT}/benchmarks/present/{'-'.join(PARTS)}.tsv"
        group:
            CONCLUDE
        threads: 2 if PLAN.small else 1
        resources:
            mem_mb=megabytes(PLAN.raw, *(NEED[part] for part in PARTS)),
            runtime=minutes(PLAN.raw, *(NEED[part] for part in PARTS)),
        params:
            config=CONFIG,
            parts=PARTS,
            code=[CODE[part] for part in PARTS],
        script:
            "../scripts/present.py"
