"""Table of the paths from one session to the next."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from bowlby.reasons import say_rule
from bowlby.tables.layout import Sheet
from bowlby.tables.numbers import interval, number, p_value
from bowlby.tables.words import verdict

HEADS = ["", "Estimate", "SE", "95% CI", "p"]
COLUMNS = ["kind", "name", "way", "label", "verdict", "estimate", "se", "df", "ci_low", "ci_high", "p", "rule"]
WAYS = {
    "none": "Without detrending",
    "mean": "Session means removed",
    "patient": "Session means and each patient's straight line removed",
    "centred": "Common model: person-mean-centred predictors (biased)",
}


def path_names(record: Mapping) -> dict[str, str]:
    """What the paths and their contrasts are called."""
    one, other = record["labels"]["predictor"], record["labels"]["outcome"]
    return {
        "L": f"{one} → next {other} (L)",
        "R": f"{other} → next {one} (R)",
        "L-R": "L − R",
        "L+R": "L + R",
        "predictor_own": f"{one} → next {one}",
        "outcome_own": f"{other} → next {other}",
    }


def lead_statements(record: Mapping) -> dict[str, str]:
    """The claims in words."""
    one, other = record["labels"]["predictor"], record["labels"]["outcome"]
    path = f"The path from {one} to later {other}"
    return {"L1": f"{path} is above 0", "L2": f"{path} is larger than the reverse path"}


def _every(record: Mapping) -> dict[str, Mapping]:
    """Paths by way, the one that decides first."""
    first = record["detrend"]
    paths = {first: record["paths"][first]} | record["paths"]
    return paths | {"centred": record["centred"]}


def lead_table(record: Mapping) -> pd.DataFrame:
    """``session_to_session.json`` in full precision: a row for each path of each way, and for each claim."""
    names, rows = path_names(record), []
    for way, paths in _every(record).items():
        rows += [{"kind": "path", "name": name, "way": way, "label": label, "ci_low": e["ci"][0], "ci_high": e["ci"][1]}
                 | e for name, label in names.items() if (e := paths.get(name))]  # fmt: skip
    for name, statement in lead_statements(record).items():
        claim = record["claims"][name]
        kept = {k: claim[k] for k in ("verdict", "estimate", "df", "p")}
        row = {"kind": "claim", "name": name, "way": record["detrend"], "label": statement,
               "ci_low": claim["ci"][0], "ci_high": claim["ci"][1]}  # fmt: skip
        rows.append(row | kept | {"rule": say_rule(claim["rule"], names)})
    return pd.DataFrame(rows).reindex(columns=COLUMNS)


def lead_sheet(number_: str, record: Mapping) -> Sheet:
    """The paths as printed, with the claims above them."""
    names, parts = path_names(record), []
    decided = []
    for name, statement in lead_statements(record).items():
        claim = record["claims"][name]
        word = verdict(claim) + (", qualified" if claim["qualified"] else "")
        cells = [number(claim["estimate"]), "", interval(*claim["ci"]), p_value(claim["p"])]
        decided.append([f"{name}. {statement}: {word}, because {say_rule(claim['rule'], names)}", *cells])
    parts.append(("Claims", decided))
    for way, paths in _every(record).items():
        rows = [[label, number(e["estimate"]), number(e["se"]), interval(*e["ci"]), p_value(e["p"])]
                for name, label in names.items() if (e := paths.get(name))]  # fmt: skip
        decides = " (decides the claims)" if way == record["detrend"] else ""
        parts.append((WAYS[way] + decides, rows))
    therapists = f" of {record['n_therapists']:,} therapists" if record["n_therapists"] else ""
    errors = (
        "; standard errors are from a jackknife over therapists" if record["standard_errors"] == "therapists" else ""
    )
    note = (
        f"*N* = {record['n_patients']:,} patients{therapists}, {record['n_obs']:,} sessions. Estimates are in *SD* at "
        f"the next session per *SD* at this session, both within patients; higher is better for both{errors}. L2 is "
        f"decided by the smaller of L − R and L + R. Estimates within ±{record['delta']:g} are considered negligible."
    )
    return Sheet(number_, "From Session to Session", HEADS, parts, note)
