"""Table of the predictors of clinical change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from bowlby.tables.layout import Sheet
from bowlby.tables.numbers import interval, number, p_value
from bowlby.terms import EVENTS, P_BETWEEN, P, T, label

HEADS = ["", "Odds ratio", "95% CI", "p", "At −1 SD (%)", "At +1 SD (%)"]
COLUMNS = ["model", "kind", "predictor", "class", "at", "label", "estimate", "se", "df", "ci_low", "ci_high", "p",
           "n_obs", "n_events", "note"]  # fmt: skip
OF = {P: "perceived", T: "therapist_style"}
METHODS = {
    "published": "a published criterion of reliable change",
    "jacobson_truax": "the index of Jacobson and Truax",
    "hageman_arrindell": "the index of Hageman and Arrindell",
}


def model_names(record: Mapping) -> dict[str, str]:
    """Models by name, the configured event first: what each is called."""
    own = EVENTS[record["event"]].capitalize()
    rest = {name: words.capitalize() for name, words in EVENTS.items() if name != record["event"]}
    between = f"{own}, adjusted for the therapist's mean of perceived attachment"
    names = {record["event"]: own, "between": between, "ordinal": "All classes (proportional odds)", **rest}
    return {name: words for name, words in names.items() if name in record["models"]}


def clinical_change_table(record: Mapping) -> pd.DataFrame:
    """``clinical_change.json`` in full precision: coefficients in log odds, probabilities and their differences."""
    rows = []
    for name, words in model_names(record).items():
        model = record["models"][name]
        head = {"model": name, "label": words, "n_obs": model["n_obs"], "n_events": model.get("n_events")}
        if not model["estimable"]:
            rows.append(head | {"kind": "not estimable", "note": model["reason"]})
            continue
        for kind, key in (("log odds", "fixed"), ("probability", "probabilities"), ("difference", "differences")):
            for one in model[key]:
                own = {k: one.get(k) for k in ("class", "at", "estimate", "se", "df", "p")}
                predictor = one.get("term") or one["predictor"]
                limits = {"ci_low": one["ci"][0], "ci_high": one["ci"][1]}
                rows.append(head | own | limits | {"kind": kind, "predictor": predictor})
    return pd.DataFrame(rows).reindex(columns=COLUMNS)


def model_rows(name: str, model: Mapping) -> Iterator[list[str]]:
    """Odds ratios of the two predictors and, where it is in the model, of the therapist's mean."""
    likely = {(p["predictor"], p["at"]): p for p in model["probabilities"] if p["class"] == "event"}
    for one in model["fixed"]:
        if one["term"] in (P, T, P_BETWEEN):
            ratio = [number(np.exp(one["estimate"])), interval(*np.exp(one["ci"]))]
            cells = [percent(likely[at]) if (at := (OF.get(one["term"]), k)) in likely else "" for k in (-1, 1)]
            yield [label(one["term"]), *ratio, p_value(one["p"]), *cells]
    if name == "ordinal":
        for kind in model["classes"]:
            for predictor, words in ((P, "perceived attachment"), (T, "therapist's style")):
                known = {p["at"]: p for p in model["probabilities"]
                         if (p["predictor"], p["class"]) == (OF[predictor], kind)}  # fmt: skip
                yield [f"{kind.capitalize()}, by {words}", "", "", "", percent(known[-1]), percent(known[1])]


def _counted(name: str, model: Mapping) -> str:
    """How many patients had the event, in brackets; nothing where that is hidden."""
    n, events = model["n_obs"], model["n_events"]
    if n is None or (events is None and name != "ordinal"):
        return ""
    return f" ({n:,} patients)" if name == "ordinal" else f" ({events:,} of {n:,} patients)"


def percent(probability: Mapping) -> str:
    """A probability with its interval, in percent."""
    return f"{number(100 * probability['estimate'], 0)} {percent_interval(probability['ci'])}"


def percent_interval(limits: Sequence[float]) -> str:
    """Limits of a probability, or of a difference of two, in percent."""
    low, high = limits
    return interval(100 * low, 100 * high, 0)


def clinical_change_sheet(number_: str, record: Mapping) -> Sheet:
    """The models as printed, the configured event first."""
    parts: list[tuple[str, list[list[str]]]] = []
    for name, words in model_names(record).items():
        model = record["models"][name]
        if not model["estimable"]:
            parts.append((f"{words}: not estimable ({model['reason']})", []))
            continue
        parts.append((words + _counted(name, model), list(model_rows(name, model))))
    cut = "" if record["cut"] is None else f" The cut-off is {record['cut']:g} ({record['cut_source']})."
    began = "" if record["cut"] is None else (
        " Patients on the functional side of the cut-off at intake cannot recover; they are not included in the models "
        "of recovery and of all classes."
    )  # fmt: skip
    note = (
        f"*N* = {record['n_obs']:,} patients, *J* = {record['n_therapists']:,} therapists. Change is classified by "
        f"{METHODS[record['method']]} ({record['criterion']}).{cut} Odds ratios are per reference *SD* of the "
        "predictor; values above 1 indicate better change. They are from logistic models fitted by generalised "
        "estimating equations, adjusted for the outcome before treatment and the covariates, with bias-reduced (CR2) "
        "standard errors clustered by therapist and Satterthwaite *df*. Percentages are the mean probabilities over "
        f"the patients at 1 *SD* below and above the mean of the predictor, with 95% confidence intervals.{began}"
    )
    return Sheet(number_, "Predictors of Clinical Change", HEADS, parts, note)
