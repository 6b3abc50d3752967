"""Table of interactions: coefficients, simple slopes and regions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

from bowlby.tables.layout import Sheet
from bowlby.tables.numbers import estimate_cells, interval, number, p_value

HEADS = ["", "Estimate", "95% CI", "p", "Adjusted p"]
COLUMNS = ["interaction", "quantity", "at", "estimate", "se", "df", "df_num", "ci_low", "ci_high", "p", "p_fdr",
           "patients", "therapists"]  # fmt: skip
TESTED = {
    "within": "moderator within therapists",
    "between": "moderator between therapists",
    "therapist": "moderator at the level of therapists",
}
"""Level of the moderator whose product is tested."""
AT = {-1.0: "Slope at −1 SD", 0.0: "Slope at the mean", 1.0: "Slope at +1 SD"}
OUTSIDE = "outside the observed range"


def interaction_name(one: Mapping) -> str:
    """Predictor and moderator as printed: "therapist's own style × severity before treatment"."""
    return f"{one['predictor'].removeprefix('the ')} × {one['moderator'].removeprefix('the ')}"


def moderation_table(record: Mapping) -> pd.DataFrame:
    """``moderation.json`` in full precision: a row for each number, and one for each region."""
    rows = []
    for one in record["interactions"]:
        test = one["interaction"]
        kind = "joint test" if "f" in test else "interaction"
        found = [{"quantity": kind, **_flat(test), "estimate": test.get("f", test.get("estimate")),
                  "df": test.get("df_den", test.get("df"))}]  # fmt: skip
        found += [{"quantity": "slope", **_flat(s)} for s in one.get("slopes", [])]
        found += [{"quantity": "slope", "at": s["level"], **_flat(s)} for s in one.get("levels", [])]
        for kind, parts in one.get("regions", {}).items():
            found += [
                {"quantity": f"{_side(r)}, {kind}", "ci_low": r["low"], "ci_high": r["high"]} for r in parts or []
            ]
        rows += [{"interaction": one["text"], **row} for row in found]
    return pd.DataFrame(rows).reindex(columns=COLUMNS)


def _flat(values: Mapping) -> dict:
    low, high = values.get("ci") or (None, None)
    return {key: values[key] for key in COLUMNS if key in values} | {"ci_low": low, "ci_high": high}


def _side(region: Mapping) -> str:
    return "slope above 0" if region["sign"] > 0 else "slope below 0"


def region_words(parts: Iterable[Mapping] | None) -> str:
    """Regions as printed: "above 0 from 0.41 to 1.92 SD"; "none" if there is none."""
    if parts is None:
        return "not defined: too few therapists"
    said = [f"{_side(r).removeprefix('slope ')} from {number(r['low'])} to {number(r['high'])} SD" for r in parts]
    return "; ".join(said) or "none"


def moderation_sheet(number_: str, record: Mapping) -> Sheet:
    """The interactions as printed, each with its slopes."""
    parts = [(_head(one), _category(one) if "levels" in one else _line(one)) for one in record["interactions"]]
    of = [(one["n_obs"], one["n_therapists"]) for one in record["interactions"]]
    differ = len(set(of)) > 1
    sizes = "; ".join(f"*N* = {n:,} patients, *J* = {j:,} therapists" for n, j in (of if differ else of[:1]))
    sizes += " (interactions in the order of the table)" if differ else ""
    note = (
        f"{sizes}. These analyses are exploratory; *p* values are adjusted for the false discovery rate across "
        f"{len(parts)} interaction{'' if len(parts) == 1 else 's'} (Benjamini-Hochberg). Slopes are in *SD* of "
        "outcome per *SD* of the predictor, interactions in *SD* of outcome per *SD* of both. Standard errors and "
        "degrees of freedom are from the Kenward-Roger method; SDs are treated as known. Johnson-Neyman regions "
        "contain the observed values of the moderator at which the simultaneous 95% band excludes 0."
    )
    return Sheet(number_, "Exploratory Interactions", HEADS, parts, note)


def _head(one: Mapping) -> str:
    name = interaction_name(one)
    return f"{name[0].upper()}{name[1:]}, {TESTED[one['tested']]}"


def _line(one: Mapping) -> list[list[str]]:
    test = one["interaction"]
    rows = [["Interaction", *estimate_cells(test["estimate"], *test["ci"]), p_value(test["p"]), p_value(test["p_fdr"])]]
    for slope in one["slopes"]:
        label = AT[slope["at"]] + ("" if slope["observed"] else f" ({OUTSIDE})")
        rows.append([label, *estimate_cells(slope["estimate"], *slope["ci"]), p_value(slope["p"]), ""])
    low, high = one["range"]
    where = region_words(one["regions"]["simultaneous"])
    return [*rows, [f"Johnson-Neyman region: {where}", "", "", "", ""],
            [f"Observed range: {interval(low, high)} SD", "", "", "", ""]]  # fmt: skip


def _category(one: Mapping) -> list[list[str]]:
    test = one["interaction"]
    joint = f"F({test['df_num']:.0f}, {number(test['df_den'], 1)}) = {number(test['f'])}"
    rows = [[f"Joint test that the slopes are equal: {joint}", "", "", p_value(test["p"]), p_value(test["p_fdr"])]]
    for level in one["levels"]:
        label = f"Slope, {level['level']} ({level['patients']:,} patients, {level['therapists']:,} therapists)"
        rows.append([label, *estimate_cells(level["estimate"], *level["ci"]), p_value(level["p"]), ""])
    return rows
