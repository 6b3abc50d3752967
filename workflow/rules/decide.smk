# What is decided, and from which files.
if COMPARED:
    WEIGHED = [name for name in ("primary", "perceived", "early", "session_to_session") if name in PLAN.sets]
    STAGES["compare_predictors"] = Stage(
        steps=[["compare"]],
        inputs=[
            *fits(*WEIGHED),
            *analysis(["primary", *(["session_to_session"] if "session_to_session" in WEIGHED else [])], "design.json"),
            ADEQUACY,
            *ESTIMANDS,
            *TABLES,
        ],
        outputs=[f"{OUT}/comparison.json", f"{OUT}/verdict.json", *ROBUSTNESS],
        need="compare",
        settings=["run", "outcome", "comparison", "session_to_session", "robustness"],
        part="decide",
        turn=(1, 0),
    )
if RUN.other_outcomes or RUN.of_domain("suicidal ideation"):
    STAGES["judge_other_outcomes"] = Stage(
        steps=[["judge_domains"]],
        inputs=[*SCORES, *PEOPLE, *(fits("primary")[:1] if COMPARED else [])],
        outputs=[
            *([f"{OUT}/domains.json"] if RUN.other_outcomes else []),
            *([f"{OUT}/suicidal_ideation.json"] if RUN.of_domain("suicidal ideation") else []),
        ],
        need="fit",
        settings=["outcome", "other_outcomes", "pool_outcomes", "comparison", "privacy", "study"],
        part="decide",
        turn=(1, 0),
    )
if "pair" in PLAN.sets:
    STAGES["compare_pair"] = Stage(
        steps=[["compare_pair"]],
        inputs=[f"{OUT}/fits/pair.json", *analysis(["pair"], "parquet", "membership.parquet", "design.json")],
        outputs=[f"{OUT}/pair.json"],
        need="robust",
        settings=["run", "outcome", "pair", "seed"],
        part="decide",
        turn=(1, 0),
    )
if "session_to_session" in PLAN.sets:
    STAGES["compare_session_to_session"] = Stage(
        steps=[["compare_session_to_session"]],
        inputs=[*fits("session_to_session"), *analysis(["session_to_session"], "design.json")],
        outputs=[f"{OUT}/session_to_session.json"],
        need="compare",
        settings=["outcome", "comparison", "session_to_session"],
        part="decide",
        turn=(1, 0),
    )
if RUN.growth and RUN.growth.predictors:
    STAGES["compare_growth"] = Stage(
        steps=[["compare_growth"]],
        inputs=[*fits("growth"), *analysis(["growth"], "design.json")],
        outputs=[f"{OUT}/growth.json"],
        need="compare",
        settings=["run", "outcome", "growth"],
        part="decide",
        turn=(1, 0),
    )
if RUN.mediation:
    SETS = [f"mediation_{name}" for name in RUN.mediation.mediators]
    STAGES["mediate"] = Stage(
        steps=[["mediate"]],
        inputs=[*analysis(SETS, "parquet", "design.json"), *fits(*SETS)],
        outputs=[f"{OUT}/mediation.json"],
        need="compare",
        settings=["mediation", "seed"],
        part="decide",
        turn=(1, 0),
    )
for NAME in [name for name in ("clinical_change", "style_transitions") if name in PLAN.sets]:
    STAGES[f"examine_{NAME}"] = Stage(
        steps=[["examine_change", NAME]],
        inputs=analysis([NAME], "parquet", "membership.parquet", "design.json"),
        outputs=[f"{OUT}/{NAME}.json"],
        need="fit",
        settings=[NAME, "privacy"],
        part="decide",
        turn=(1, 0),
    )
if RUN.moderation:
    SETS = [name for name in PLAN.sets if name.startswith("moderation_")]
    STAGES["moderate"] = Stage(
        steps=[["moderate"]],
        inputs=[*analysis(SETS, "design.json"), *fits(*SETS)],
        outputs=[f"{OUT}/moderation.json"],
        need="compare",
        settings=["moderation"],
        part="decide",
        turn=(1, 0),
    )
if RUN.response_surface:
    SETS = [name for name in PLAN.sets if name.startswith("response_surface_")]
    STAGES["match_styles"] = Stage(
        steps=[["match"]],
        inputs=[*analysis(SETS, "parquet", "design.json"), *fits(*SETS)],
        outputs=[f"{OUT}/response_surface.json"],
        need="compare",
        settings=["response_surface", "privacy"],
        part="decide",
        turn=(1, 0),
    )
DECIDED = [
    file for stage in STAGES.values() if stage.part == "decide" for file in stage.outputs if file not in ROBUSTNESS
]
