# What is decided, and from which files.
from functools import partial

Decision = partial(Stage, part="decide", turn=(1, 0))
if COMPARED:
    WEIGHED = [name for name in ("primary", "perceived", "early", "session_to_session") if name in PLAN.sets]
    STAGES["compare_predictors"] = Decision(
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
    )
if RUN.other_outcomes or RUN.of_domain("suicidal ideation"):
    STAGES["judge_other_outcomes"] = Decision(
        steps=[["judge_domains"]],
        inputs=[*SCORES, *PEOPLE, *([f"{OUT}/fits/primary.json"] if COMPARED else [])],
        outputs=[
            *([f"{OUT}/domains.json"] if RUN.other_outcomes else []),
            *([f"{OUT}/suicidal_ideation.json"] if RUN.of_domain("suicidal ideation") else []),
        ],
        need="fit",
        settings=["outcome", "other_outcomes", "pool_outcomes", "comparison", "privacy", "study"],
    )
if "pair" in PLAN.sets:
    STAGES["compare_pair"] = Decision(
        steps=[["compare_pair"]],
        inputs=[f"{OUT}/fits/pair.json", *analysis(["pair"], "parquet", "membership.parquet", "design.json")],
        outputs=[f"{OUT}/pair.json"],
        need="robust",
        settings=["run", "outcome", "pair", "seed"],
    )
if "session_to_session" in PLAN.sets:
    STAGES["compare_session_to_session"] = Decision(
        steps=[["compare_session_to_session"]],
        inputs=[*fits("session_to_session"), *analysis(["session_to_session"], "design.json")],
        outputs=[f"{OUT}/session_to_session.json"],
        need="compare",
        settings=["outcome", "comparison", "session_to_session"],
    )
if RUN.growth and RUN.growth.predictors:
    STAGES["compare_growth"] = Decision(
        steps=[["compare_growth"]],
        inputs=[*fits("growth"), *analysis(["growth"], "design.json")],
        outputs=[f"{OUT}/growth.json"],
        need="compare",
        settings=["run", "outcome", "growth"],
    )
if RUN.mediation:
    SETS = [f"mediation_{name}" for name in RUN.mediation.mediators]
    STAGES["mediate"] = Decision(
        steps=[["mediate"]],
        inputs=[*analysis(SETS, "parquet", "design.json"), *fits(*SETS)],
        outputs=[f"{OUT}/mediation.json"],
        need="compare",
        settings=["mediation", "seed"],
    )
for NAME in [name for name in ("clinical_change", "style_transitions") if name in PLAN.sets]:
    STAGES[f"examine_{NAME}"] = Decision(
        steps=[["examine_change", NAME]],
        inputs=analysis([NAME], "parquet", "membership.parquet", "design.json"),
        outputs=[f"{OUT}/{NAME}.json"],
        need="fit",
        settings=[NAME, "privacy"],
    )
if RUN.moderation:
    SETS = [name for name in PLAN.sets if name.startswith("moderation_")]
    STAGES["moderate"] = Decision(
        steps=[["moderate"]],
        inputs=[*analysis(SETS, "design.json"), *fits(*SETS)],
        outputs=[f"{OUT}/moderation.json"],
        need="compare",
        settings=["moderation"],
    )
if RUN.response_surface:
    SETS = [name for name in PLAN.sets if name.startswith("response_surface_")]
    STAGES["match_styles"] = Decision(
        steps=[["match"]],
        inputs=[*analysis(SETS, "parquet", "design.json"), *fits(*SETS)],
        outputs=[f"{OUT}/response_surface.json"],
        need="compare",
        settings=["response_surface", "privacy"],
    )
DECIDED = [
    file for stage in STAGES.values() if stage.part == "decide" for file in stage.outputs if file not in ROBUSTNESS
]
