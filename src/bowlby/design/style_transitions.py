"""The rows of patients whose attachment style is known before and after treatment."""

from __future__ import annotations

import pandas as pd

from bowlby.config.run import Run
from bowlby.design.frame import AnalysisSet, chosen_episodes, main_therapists
from bowlby.design.measurement import Forms
from bowlby.design.requirements import of_style_transitions, unscored
from bowlby.errors import UserError, existing, problem
from bowlby.instruments.outcomes import before_and_after
from bowlby.instruments.style_change import reliable_shifts
from bowlby.instruments.styles import STYLES

COLUMNS = [
    ("patient", "patient", "id", "people"),
    ("therapist", "therapist with the largest share of the patient's sessions", "id", "people"),
    ("before", "attachment style before treatment", "", "scores"),
    ("after", "attachment style after treatment", "", "scores"),
    ("reliable", "whether the change of style is larger than measurement error; empty where not known", "", "scores"),
]


def transition_set(run: Run, scores: dict[str, pd.DataFrame], people: dict[str, pd.DataFrame], forms: Forms):
    """Build the analysis set ``style_transitions``.

    Parameters
    ----------
    run : Run
        With ``style_transitions``.
    scores : dict of DataFrame
        Scores by instrument.
    people : dict of DataFrame
        ``patients``, ``therapists``, ``episodes``.
    forms : callable
        Instrument on the study's form, and the answers to its items (None where scores are given), by name.

    Returns
    -------
    AnalysisSet

    Raises
    ------
    UserError
        If no patient has a style at both occasions.
    """
    asked = existing(run.style_transitions)
    if lines := unscored(of_style_transitions(run), scores):
        raise UserError(lines)
    instrument, items = forms(asked.instrument)
    pair = before_and_after(scores[asked.instrument], asked.role, asked.about, (asked.pre, asked.post))
    pre, post = pair if pair is not None else (pd.DataFrame({"style": []}),) * 2
    members = chosen_episodes(people["episodes"], "share")
    steps: list[tuple[str, pd.Index, str | None]] = [
        ("patients in the study", pd.Index(people["patients"]["patient"]), None)
    ]
    steps.append(("without: no answers at both occasions", pre.index, "no answers at both occasions"))
    classified = pre.index[pre["style"].isin(STYLES) & post["style"].isin(STYLES)]
    steps.append(("without: style not classified", classified, "style not classified"))
    kept = classified[classified.isin(members["patient"])]
    steps.append(("without: no therapist", kept, "no therapist"))
    if not len(kept):
        what = f"style_transitions: no patient has a style of {asked.instrument} at {asked.pre} and at {asked.post}"
        raise UserError(problem(what, "correct the occasions, or leave `style_transitions:` out"))
    pre, post, therapist = pre.loc[kept], post.loc[kept], main_therapists(members)
    if items is not None:
        items = items[items["role"].eq(asked.role) & items["about"].eq(asked.about)]
    reliable, sources = reliable_shifts(pre, post, instrument, items, asked.pre)
    data = pd.DataFrame({"patient": kept.astype(str), "therapist": therapist.loc[kept].to_numpy(),
                         "before": pre["style"].to_numpy(), "after": post["style"].to_numpy()})  # fmt: skip
    data["reliable"] = pd.array([None] * len(data) if reliable is None else reliable, dtype="boolean")
    sizes = [len(index) for _, index, _ in steps]
    flow = [{"step": step, "patients": len(index), "therapists": int(therapist.reindex(index).nunique()),
             "rows": len(index), "reason": reason} for step, index, reason in steps]  # fmt: skip
    design = {
        "schema": 1,
        "instrument": asked.instrument,
        **{key: getattr(asked, key) for key in ("about", "role", "pre", "post")},
        "n_dropped": {reason: before - after for (_, _, reason), before, after in
                      zip(steps[1:], sizes, sizes[1:], strict=False) if before > after},
        "styles": list(STYLES),
        "errors": sources,
    }  # fmt: skip
    columns = pd.DataFrame(COLUMNS, columns=["name", "meaning", "unit", "source"])
    members = members[members["patient"].isin(kept)].sort_values(["patient", "therapist"], ignore_index=True)
    return AnalysisSet(data, members[["patient", "therapist", "weight"]], columns, design, flow)
