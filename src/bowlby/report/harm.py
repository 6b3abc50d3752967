"""What is counted in every report: deterioration, and responses that indicate risk."""

from __future__ import annotations

import pandas as pd
from markupsafe import Markup

from bowlby.results import Results
from bowlby.tables import to_html

METHODS = {
    "published": "published points",
    "jacobson_truax": "Jacobson and Truax",
    "hageman_arrindell": "Hageman and Arrindell",
}
TITLE = "Deterioration and Responses Indicating Risk"
NOTE = (
    "Deteriorated: reliably worse by the method named. A response indicates risk if it is above the lowest response of "
    "the item. This is not a diagnosis and does not replace the review of each patient's responses at the time."
)
HIDDEN = " Hidden: fewer than five patients, or a number from which fewer than five could be derived."


def harm(results: Results) -> Markup | None:
    """Counts of deterioration on every scale and of each risk item; None where no scale has either."""
    rows = [*_deteriorated(results), *_danger(results)]
    if not rows:
        return None
    table = pd.DataFrame(rows, columns=["Questionnaire", "Counted", "n", "of", "Share"])
    return Markup(to_html(table, NOTE + (HIDDEN if results.shareable else ""), TITLE, by="Questionnaire"))


def counted(row: dict) -> tuple[str, str, str]:
    """Count, out of how many, and share; ``hidden`` where it could identify a person."""
    n, of = (pd.to_numeric(row[key], errors="coerce") for key in ("count", "of"))
    if row["suppressed"] == "True":
        return "hidden", "hidden" if pd.isna(of) else f"{of:,.0f}", "–"
    if pd.isna(n):
        return row["note"] or "–", "–", "–"
    return f"{n:,.0f}", f"{of:,.0f}", f"{100 * n / of:.0f}%" if of > 0 else "–"


def _deteriorated(results: Results) -> list[tuple]:
    table = results.text_table("change.csv")
    found = [] if table is None else table[table["class"].eq("deteriorated")].to_dict("records")
    return [(_name(results, r), f"deteriorated, {_from_to(r)}: {_rule(r)}", *counted(r)) for r in found]


def _danger(results: Results) -> list[tuple]:
    rows = []
    table, change = results.text_table("severity.csv"), results.text_table("change.csv")
    if table is not None:
        for r in table[table["kind"].eq("flag")].to_dict("records"):
            rows.append((_name(results, r), f"{_words(r['name'])}, {_words(r['occasion']) or 'once'}", *counted(r)))
    if change is not None:
        for r in change[change["method"].eq("flag") & change["class"].ne("never")].to_dict("records"):
            rows.append((_name(results, r), f"{_words(r['criterion'])}, {_from_to(r)}: {r['class']}", *counted(r)))
    return rows


def _name(results: Results, row: dict) -> str:
    scale = "" if row["scale"] in ("", "total") else f", {_words(row['scale'])}"
    who = "" if row["role"] == "patient" else f", {row['role']}"
    about = "" if row["about"] == "self" else f" about {row['about']}"
    return results.instrument(row["instrument"])[0] + scale + who + about


def _rule(row: dict) -> str:
    rule = METHODS.get(row["method"], row["method"])
    return f"{rule} ({row['criterion']})" if row["criterion"] else rule


def _from_to(row: dict) -> str:
    return f"{_words(row['from_occasion'])} to {_words(row['to_occasion'])}"


def _words(text: str) -> str:
    return text.replace("_", " ")
