"""Rows of the session model: every session after the landmark that has an outcome."""

from __future__ import annotations

import pandas as pd

from bowlby.config.run import Run
from bowlby.design.composite import composite
from bowlby.design.frame import AnalysisSet, asked_scales, patients, ratings
from bowlby.design.primary import comparison_set
from bowlby.errors import UserError, existing, problem
from bowlby.terms import P_WITHIN_PATIENT


def session_set(
    run: Run, scores: dict[str, pd.DataFrame], people: dict[str, pd.DataFrame], occasions: list[str]
) -> AnalysisSet:
    """Build the rows of the session model from the patients of the comparison.

    Parameters
    ----------
    run, scores, people, occasions
        As of :func:`bowlby.design.primary.comparison_set`; the outcome has ``after``.

    Returns
    -------
    AnalysisSet
        The patients' columns of the primary set (``perceived_within``, the mean up to the landmark between patients of
        one therapist, and ``perceived_between``, between therapists), and by session: ``y``, ``session`` (after the
        landmark), ``therapist`` (who gave it), ``therapist_style`` (that therapist's style) and, where perceived
        attachment was asked after the landmark too, ``perceived_within_patient``: its deviation from the patient's own
        mean over these rows.

    Raises
    ------
    UserError
        If no patient has two sessions after the landmark.
    """
    built = comparison_set(run, scores, people, occasions, "primary")
    sample = patients(run, scores, people)
    outcome, sign = run.outcome, 1.0 if run.outcome.higher_is_better else -1.0
    landmark = existing(outcome.after)
    table = _later(ratings(scores[outcome.instrument], outcome), landmark)
    rows = pd.DataFrame({
        "patient": table["person"].astype(str),
        "session": table["session"].astype(float) - outcome.after,
        "therapist": table["therapist"].astype(object) if "therapist" in table else None,
        "y": sign * table[outcome.scale].astype(float),
    }).dropna(subset=["y"])  # fmt: skip
    kept = built.data.drop(columns=["y", "therapist_style"]).rename(columns={"therapist": "main"})
    rows = rows.merge(kept, on="patient", how="inner")
    rows["therapist"] = rows["therapist"].fillna(rows["main"])
    rows["therapist_style"] = rows["therapist"].map(sample.style)
    dropped = {"no style of the session's therapist": int(rows["therapist_style"].isna().sum())}
    rows = rows.dropna(subset=["therapist_style"])
    block = existing(run.comparison).perceived
    felt = _later(asked_scales(scores[block.instrument], block), landmark)
    felt = felt[(felt["role"] == "patient") & (felt["about"] == block.about)]
    if len(felt):
        felt = felt.assign(now=composite(felt, block, sample.scaling["perceived"]))
        felt = felt.groupby(["person", "session"])["now"].mean().rename_axis(["patient", "number"]).reset_index()
        rows["number"] = rows["session"] + outcome.after
        rows = rows.merge(felt.astype({"number": float}), on=["patient", "number"], how="left")
        dropped["no perceived attachment in the session"] = int(rows["now"].isna().sum())
        rows = rows.dropna(subset=["now"])
        rows[P_WITHIN_PATIENT] = rows["now"] - rows.groupby("patient")["now"].transform("mean")
    if not rows["patient"].duplicated().any():
        raise UserError(problem(f"no patient has two sessions after session {outcome.after} with everything needed",
                                "choose an earlier outcome.after"))  # fmt: skip
    rows["therapist_style"] -= rows["therapist_style"].mean()
    rows = rows.drop(columns=[c for c in ("main", "number", "now") if c in rows])
    rows = rows.sort_values(["patient", "session"], ignore_index=True)
    dropped = {reason: n for reason, n in dropped.items() if n}
    meanings = {
        "session": ("sessions after the landmark", "sessions", "scores"),
        "therapist": ("therapist who gave the session", "id", "people"),
        P_WITHIN_PATIENT: ("perceived attachment, deviation from the patient's own mean", "reference SD", "scores"),
    }
    known = built.columns.set_index("name")
    columns = [(c, *(meanings.get(c) or known.loc[c])) for c in rows]
    design = built.design | {"n_dropped": dropped, "n_sessions": len(rows), "n_patients": rows["patient"].nunique()}
    main = rows.drop_duplicates("patient")[["patient", "therapist"]].assign(weight=1.0)
    frame = pd.DataFrame(columns, columns=["name", "meaning", "unit", "source"])
    return AnalysisSet(rows, main, frame, design, built.flow)


def _later(scores: pd.DataFrame, after: int) -> pd.DataFrame:
    """Answers in sessions after the landmark."""
    return scores[(scores["session"] > after).fillna(False).astype(bool)]
