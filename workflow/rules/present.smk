# What a reader gets: where the results come from, figures, tables and the report.
from bowlby import figures, tables

MANIFEST = f"{OUT}/manifest.json"
FITS = [*fits(), *expand("{out}/fits/{model}.random.parquet", out=OUT, model=PLAN.models())]
SHOWN = [*DECIDED, *([ADEQUACY] if COMPARED else []), *ESTIMANDS]
SAMPLE = analysis(PLAN.sets, "parquet", "membership.parquet", "flow.json")
STAGES["write_manifest"] = Stage(
    steps=[["manifest"]],
    inputs=FITS,
    outputs=[MANIFEST, *(f"{OUT}/{name}" for name in ("config.yaml", "study.yaml", "reproduce.R", "reproduce.py"))],
    need="write",
    settings=[*type(RUN).model_fields],
    part="present",
    raw=True,
)
STAGES["draw_figures"] = Stage(
    # Where robustness is a job of its own, the job that decides has looked at its tables.
    steps=[*([["check_robustness"]] if TABLES and not PLAN.apart else []), ["figures"]],
    inputs=[
        *FITS,
        *SHOWN,
        *SAMPLE,
        f"{OUT}/people/flow.json",
        *PEOPLE,
        *SCORES,
        f"{OUT}/change.csv",
        *TABLES,
        MANIFEST,
    ],
    outputs=[
        *(CAPTIONED(f"figures/{name}.svg", f"figures/{name}", "Figures", figure=name) for name in figures.names(RUN)),
        *(f"{OUT}/{name}" for name in figures.outputs(RUN) if not name.endswith(".svg")),
    ],
    need="figures",
    settings=[],
    part="present",
    turn=(1, 0),
    threads=2 if PLAN.small else 1,
)
STAGES["write_tables"] = Stage(
    steps=[["tables"]],
    inputs=[*FITS, *SHOWN, *SAMPLE, *PEOPLE, *SCORES, f"{OUT}/reliability.csv", *ROBUSTNESS, MANIFEST],
    outputs=[
        *(CAPTIONED(f"tables/{name}.html", f"tables/{name}", "Tables", table=name) for name in tables.names(RUN)),
        *(f"{OUT}/{name}" for name in tables.outputs(RUN) if not name.endswith(".html")),
    ],
    need="write",
    settings=[],
    part="present",
    turn=(1, 1),
)
STAGES["write_report"] = Stage(
    steps=[["report"]],
    inputs=[
        *SHOWN,
        f"{OUT}/issues.csv",
        *SCORED,
        *expand("{out}/fits/second/{set}.json", out=OUT, set=PLAN.sets),
        *ROBUSTNESS,
        MANIFEST,
        *STAGES["draw_figures"].outputs,
        *STAGES["write_tables"].outputs,
    ],
    outputs=[
        CAPTIONED("report.html", "page", "Report", part="page"),
        CAPTIONED("methods.md", "methods", "Report", part="methods text"),
        f"{OUT}/methods.docx",
        f"{OUT}/summary.txt",
    ],
    need="write",
    settings=[],
    part="present",
    turn=(2, 0),
)
