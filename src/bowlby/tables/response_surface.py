"""Table of response surfaces: coefficients, features, the ridge, and the conditions of congruence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pandas as pd

from bowlby.tables.layout import Sheet
from bowlby.tables.numbers import interval, number, p_value

HEADS = ["", "Estimate", "SE", "df", "95% CI", "p", "Condition"]
COLUMNS = ["scale", "quantity", "label", "estimate", "se", "df", "p", "ci_low", "ci_high", "bound", "shown"]
NAMES = {
    "b1": "b1: X",
    "b2": "b2: W",
    "b3": "b3: X²",
    "b4": "b4: X × W",
    "b5": "b5: W²",
    "a1": "a1: slope along the line of congruence",
    "a2": "a2: curvature along the line of congruence",
    "a3": "a3: slope along the line of incongruence",
    "a4": "a4: curvature along the line of incongruence",
    "a5": "a5: rotation of the ridge",
    "b3+b5": "b3 + b5: curvature in each score",
    "slope": "Ridge: slope (1: that of the line of congruence)",
    "crossing": "Ridge: position on the line of incongruence (0: at equal scores)",
}
SHOWN = {True: "holds", False: "does not hold", None: "undecided"}


def _rows(surface: Mapping) -> Iterator[tuple[str, Mapping]]:
    known = surface["contrasts"] | surface["ridge"]
    return ((name, known[name]) for name in NAMES)


def surface_table(record: Mapping) -> pd.DataFrame:
    """``response_surface.json`` in full precision: a row for each scale and quantity."""
    rows = []
    for surface in record["surfaces"]:
        conditions = {c["name"]: c for c in surface["conditions"]}
        for name, value in _rows(surface):
            low, high = value["ci"] or (None, None)
            condition = conditions.get(name) or (conditions["ridge"] if name in surface["ridge"] else {})
            kept = {k: value.get(k) for k in ("estimate", "se", "df", "p")}
            kept |= {"bound": condition.get("bound"), "shown": SHOWN[condition["shown"]] if condition else None}
            head = {"scale": surface["scale"], "quantity": name, "label": NAMES[name]}
            rows.append(head | kept | {"ci_low": low, "ci_high": high})
    return pd.DataFrame(rows).reindex(columns=COLUMNS)


def surface_sheet(number_: str, record: Mapping) -> Sheet:
    """The surfaces as printed, one below the other."""
    parts = []
    for surface in record["surfaces"]:
        conditions = {c["name"]: _condition(c) for c in surface["conditions"]}
        rows = []
        for name, value in _rows(surface):
            if not value["ci"]:
                rows.append([NAMES[name], "–", "", "", "not determined", "", ""])
                continue
            cells = [number(value["estimate"]), "", "", interval(*value["ci"]), ""]
            if "se" in value:
                cells[1:3], cells[4] = [number(value["se"]), number(value["df"], 1)], p_value(value["p"])
            rows.append([NAMES[name], *cells, conditions.get(name, "")])
        rows[-1][-1] = conditions["ridge"]
        x, w = surface["labels"]
        parts.append((f"X: {x}; W: {w}", rows))
    first = record["surfaces"][0]
    of = f", *J* = {first['n_therapists']:,} therapists" if first["n_therapists"] else ""
    note = f"*N* = {first['n_obs']:,} patients{of}. {_units(record)} Higher outcome scores are better. {_rule(record)}"
    return Sheet(number_, "Response Surface of the Match of Both Scores", HEADS, parts, note)


def _units(record: Mapping) -> str:
    one = record["surfaces"][0]
    if one["standardised"]:
        return "*SD* of outcome; X and W are standardised by the norms in the configuration."
    scales = "; ".join(f"{s['scale'].replace('_', ' ')} {number(s['origins'][0], 1)} and {number(s['units'][0])} points"
                       for s in record["surfaces"])  # fmt: skip
    return (
        "*SD* of outcome; X and W are distances from the midpoint of the scale's possible scores, in one common *SD* "
        f"(midpoint and *SD*: {scales})."
    )


def _rule(record: Mapping) -> str:
    return (
        f"Congruence is supported if all conditions hold: a3 within ±{record['delta']:g} and a5 within "
        f"±{record['delta_a5']:g} (90% intervals), a4 and b3 + b5 below 0, b4 above 0, and 95% intervals of the ridge "
        "that include a slope of 1 and a crossing at 0. p is two-sided, for the hypothesis that the quantity is 0."
    )


def _condition(condition: Mapping) -> str:
    bound = condition["bound"]
    wanted = {"a4": "below 0", "b3+b5": "below 0", "b4": "above 0", "ridge": "line of congruence"}.get(
        condition["name"], f"within ±{bound:g}" if bound else ""
    )
    return f"{wanted}: {SHOWN[condition['shown']]}"
