# What each stage runs, reads, writes and needs. Which job makes it is said in jobs.smk.
from typing import NamedTuple

from bowlby.estimands import NAMES
from bowlby.robustness.jobs import inputs, settings_of, starts


class Stage(NamedTuple):
    """A stage of the run.

    Its steps (bowlby.steps), files, need of memory and time, settings and part of the run. Where one job makes several,
    they follow each other by `turn`, side by side those that differ in its second number only.
    """

    steps: list
    inputs: list
    outputs: list
    need: str
    settings: list
    part: str
    turn: tuple = (0, 0)
    priority: int = 0
    threads: int = 1
    raw: bool = False  # whether the raw files must stay as they are


# A file that Snakemake's own report shows, with its caption in workflow/report.
CAPTIONED = lambda file, caption, category, **labels: report(
    f"{OUT}/{file}", f"../report/{caption}.rst", category, labels=labels
)
RUN = PLAN.loaded.run
STAGES = {}
PEOPLE = expand("{out}/people/{table}.parquet", out=OUT, table=["patients", "therapists", "episodes", "sessions"])
MEASURES = expand("{out}/measures/{instrument}.parquet", out=OUT, instrument=PLAN.instruments)
DICTIONARY = [f"{OUT}/dictionary.csv", f"{OUT}/datapackage.json"]
SCORES = expand("{out}/scores/{instrument}.parquet", out=OUT, instrument=PLAN.instruments)
SCORE_DICTIONARY = [f"{OUT}/scores/dictionary.csv", f"{OUT}/scores/datapackage.json"]
SCORED = [f"{OUT}/{name}.csv" for name in ("reliability", "keying_audit", "severity", "styles", "change")]
PRIMARY = [f"{OUT}/analysis/primary.{kind}" for kind in ("parquet", "membership.parquet", "design.json")]
ADEQUACY = f"{OUT}/adequacy.json"

# Raw files are no input: their content counts (`raw`), and not the date, which may lie in the future.
STAGES["ingest"] = Stage(
    steps=[["ingest"]],
    inputs=[],
    outputs=[
        *PEOPLE,
        *MEASURES,
        CAPTIONED("issues.csv", "issues", "Data", table="issues"),
        f"{OUT}/people/flow.json",
        *DICTIONARY,
    ],
    need="ingest",
    settings=["study", "title", "comparison.therapist_style"],
    part="ingest_and_score",
    raw=True,
)
STAGES["score"] = Stage(
    steps=[["score", PLAN.instruments]],
    inputs=[*MEASURES, *PEOPLE],
    outputs=[*SCORES, *SCORE_DICTIONARY, *SCORED],
    need="score",
    settings=["study", "title", "outcome", "other_outcomes", "privacy"],
    part="ingest_and_score",
    threads=2 if PLAN.small else 1,
)


def analysis(sets, *kinds):
    """Files of analysis sets."""
    return expand("{out}/analysis/{set}.{kind}", out=OUT, set=sets, kind=kinds)


def fits(*sets):
    """Records of the fits of analysis sets."""
    return expand("{out}/fits/{model}.json", out=OUT, model=PLAN.models(*sets))


def made_from(*kinds):
    """Files that kinds of robustness start from."""
    return sorted({f"{OUT}/{name}" for kind in kinds for name in inputs(RUN, kind)})


# All analysis sets of a small study and their models in one stage each, else one a set; the set of perceived attachment,
# which reads no outcome, also says what the sample can show.
for NAME, SETS in PLAN.batches.items():
    FIRST = int(NAME in ("primary", "perceived"))  # the estimands wait for these
    STAGES[f"build_{NAME}_sets"] = Stage(
        steps=[["design", *SETS]],
        inputs=[*SCORES, *PEOPLE, *(MEASURES if "primary" in SETS else [])],
        outputs=[
            *analysis(SETS, "parquet", "columns.csv", "membership.parquet", "design.json", "flow.json"),
            *([ADEQUACY] if "perceived" in SETS else []),
        ],
        need="design",
        settings=[
            "outcome",
            "comparison",
            "pair",
            "growth",
            "session_to_session",
            "mediation",
            "moderation",
            "clinical_change",
            "response_surface",
            "style_transitions",
            "study",
        ],
        part="analyse",
        priority=FIRST,
    )
    STAGES[f"fit_{NAME}_models"] = Stage(
        steps=[["fit", *SETS]],
        inputs=analysis(SETS, "parquet", "membership.parquet", "design.json"),
        outputs=[
            *fits(*SETS),
            *expand("{out}/fits/{model}.random.parquet", out=OUT, model=PLAN.models(*SETS)),
            *expand("{out}/fits/second/{set}.json", out=OUT, set=SETS),
        ],
        need="fit",
        settings=["growth"],
        part="analyse",
        priority=FIRST,
    )

COMPARED = "primary" in PLAN.sets
ESTIMANDS = expand("{out}/estimands/{name}.json", out=OUT, name=NAMES) if COMPARED else []
TABLES = [f"{OUT}/robustness/{kind}.parquet" for kind in PLAN.robustness]
ROBUSTNESS = [f"{OUT}/robustness.json"] if PLAN.robustness else []
if COMPARED:
    STAGES["estimate_estimands"] = Stage(
        steps=[["estimate"]],
        inputs=[*PRIMARY, *fits("primary", "perceived"), ADEQUACY],
        outputs=ESTIMANDS,
        need="estimate",
        settings=["comparison", "seed"],
        part="analyse",
    )
# Robustness that is quick enough not to be a job of its own (robustness.smk); what starts from scores needs no fit.
for FROM, KINDS in {} if PLAN.apart else starts(PLAN.robustness).items():
    STAGES[f"robustness_from_{FROM}"] = Stage(
        steps=[["robustness", *KINDS]],
        inputs=made_from(*KINDS),
        outputs=[f"{OUT}/robustness/{kind}.parquet" for kind in KINDS],
        need="robust",
        settings=["robustness.replicates", *settings_of(*KINDS)],
        part="analyse",
        turn=(0, int(FROM == "scores")),
    )
