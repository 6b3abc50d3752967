"""Change of the outcome: before and after treatment, reliable change, course over time, deterioration."""

from __future__ import annotations

import pandas as pd
from markupsafe import Markup

from bowlby.disclosure import SMALLEST
from bowlby.report.section import Section, count_and_share, drawn, figure, render, see
from bowlby.results import Results
from bowlby.tables import number, to_html

METHODS = {
    "published": "Published points",
    "jacobson_truax": "Jacobson and Truax",
    "hageman_arrindell": "Hageman and Arrindell",
}
SCALE = ["instrument", "scale", "role", "about"]
CLASSES = ("recovered", "improved", "unchanged", "deteriorated", "started on the functional side")


def change(results: Results) -> Section | None:
    """Plot and counts of the outcome; None where the run has neither."""
    counts = _counts(results)
    table = drawn(results, "change")
    if counts is None and table is None:
        return None
    parts = [_plot(results, table)] if table is not None else []
    if counts is not None:
        note = (
            "Patients with a score before and after treatment. Recovered: reliably improved and on the functional "
            "side of the cut-off. Patients already on that side at intake cannot recover."
        )
        if counts.map(lambda cell: "hidden" in cell).to_numpy().any():
            note += " Hidden: fewer than five patients, or a number from which fewer than five could be derived."
        by = "Questionnaire" if "Questionnaire" in counts else None
        parts.append(Markup(to_html(counts, note, "Patients by Class of Change", by=by)))
    return Section("change", "Reliable change", render("stack.html", parts=parts, intro=None))


def _plot(results: Results, table: pd.DataFrame) -> Markup:
    first = table.iloc[0]
    better, reliable = first["direction"] > 0, pd.to_numeric(first["reliable"])
    side = "above" if better else "below"
    band = (
        f"The grey band shows changes within measurement error (up to {number(reliable, 1)} points). Patients {side} "
        "the band improved reliably. "
        if pd.notna(reliable)
        else ""
    )
    cut = f"Dotted lines mark the cut-off {first['cut']:g}. " if pd.notna(first["cut"]) else ""
    pooled = (table["n"] >= SMALLEST).all()
    points = "the mean of five or more patients with similar scores" if pooled else "the patients with these scores"
    return figure(
        results,
        "change",
        alt=f"Scores after treatment against scores before it, {table['n'].sum():,} patients in {len(table)} points.",
        caption=f"Each point is {points}. On the diagonal line the score did not change. {band}{cut}",
    )


def _counts(results: Results) -> pd.DataFrame | None:
    """Counts of the outcome's own scale, in words; those of every scale if the run only scores."""
    table = results.text_table("change.csv")
    asked = results.config.get("outcome") or {}
    if table is None:
        return None
    own = table[(table["role"] == "patient") & (table["method"] != "flag")]
    if asked:
        own = own[(own["instrument"] == asked["instrument"]) & (own["scale"] == (asked.get("scale") or "total"))]
    if own.empty:
        return None
    rows = []
    for (*_, method, criterion), part in own.groupby([*SCALE, "method", "criterion"], sort=False):
        said = dict(zip(part["class"], (_count(r) for r in part.to_dict("records")), strict=True))
        rule = METHODS.get(method, method) + (f" ({criterion})" if criterion else "")
        rows.append([_name(results, part.iloc[0]), rule, *(said.get(name, "–") for name in CLASSES)])
    heads = [*(name.capitalize() for name in CLASSES[:-1]), "Below cut-off at intake (subset)"]
    counts = pd.DataFrame(rows, columns=["Questionnaire", "Method", *heads])
    return counts.drop(columns="Questionnaire") if asked else counts


def _count(row: dict) -> str:
    n, share = count_and_share(row)
    return n if share == "–" else f"{n} ({share})"


def prepost(results: Results) -> Section | None:
    """Expected courses; None without a comparison."""
    table = drawn(results, "prepost")
    if table is None:
        return None
    expected = table[(table["kind"] == "expected") & (table["at"] == "post")]
    said = [
        f"{_sign(r.perceived)} SD of perceived attachment and {_sign(r.style)} SD of style: {number(r.value, 1)}"
        for r in expected.itertuples(index=False)
    ]
    start = table.loc[(table["kind"] == "expected") & (table["at"] == "pre"), "value"].iloc[0]
    seen = "The histograms show the observed scores, in bins of five patients or more." if results.shareable else (
        "The histograms show the observed scores, the thin lines single patients."
    )  # fmt: skip
    plot = figure(
        results,
        "prepost",
        alt=f"Four lines from a mean of {number(start, 1)} before treatment to the predicted scores after it. "
        f"{'; '.join(said)}.",
        caption="The lines show the scores predicted for patients who felt one reference SD more (solid "
        "line, filled point) or less (dashed line, hollow point) securely attached than the same therapist's other "
        "patients. The therapists' own style is one SD more secure in the left panel, and one SD less secure in the "
        f"right panel. All lines start at the mean before treatment. Vertical lines are 95% intervals. {seen}",
    )
    better = bool((results.config.get("outcome") or {}).get("higher_is_better"))
    intro = f"Scores are in the units of the outcome; {'higher' if better else 'lower'} is better."
    intro = Markup.escape(f"{intro}{_recovered(table)}") + see(results, "prepost")
    return Section("prepost", "From before to after treatment", render("stack.html", parts=[plot], intro=intro))


def _recovered(table: pd.DataFrame) -> str:
    """The share that would recover at one SD more and less of perceived attachment; empty if not computed."""
    shares = table[table["kind"] == "recovered"].sort_values("perceived", ascending=False)
    if shares.empty:
        return ""
    more, less = (f"{number(100 * r.value, 0)}% ({number(100 * r.ci_low, 0)} to {number(100 * r.ci_high, 0)}%)"
                  for r in shares.itertuples(index=False))  # fmt: skip
    return (
        " For patients beyond the cut-off at intake, the model implies a recovery rate of "
        f"{more} at perceived attachment 1 SD above the mean of their therapist's patients. At 1 SD below that mean "
        f"it is {less}. The ranges reflect the 95% CI of the slope only."
    )


def _sign(value: float) -> str:
    return "+1" if value > 0 else "−1"


CHANGE_METHODS = {
    "published": "published points",
    "jacobson_truax": "Jacobson and Truax",
    "hageman_arrindell": "Hageman and Arrindell",
}
TITLE = "Deterioration and Responses Indicating Risk"
DETERIORATED = "Deteriorated: reliably worse by the method named. "
NOTE = (
    "A response indicates risk if it is above the lowest response of the item. This is not a diagnosis and does not "
    "replace the review of each patient's responses at the time."
)
HIDDEN = " Hidden: fewer than five patients, or a number from which fewer than five could be derived."


def harm(results: Results) -> Markup | None:
    """Counts of deterioration on every scale and of each risk item; None where no scale has either."""
    worse, risks = _deteriorated(results), _danger(results)
    if not worse and not risks:
        return None
    table = pd.DataFrame([*worse, *risks], columns=["Questionnaire", "Counted", "n", "of", "Share"])
    note = (DETERIORATED if worse else "") + NOTE + (HIDDEN if (table == "hidden").any(axis=None) else "")
    return Markup(to_html(table, note, TITLE, by="Questionnaire"))


def counted(row: dict) -> tuple[str, str, str]:
    """Count, out of how many, and share; ``hidden`` where it could identify a person."""
    n, of = (pd.to_numeric(row[key], errors="coerce") for key in ("count", "of"))
    if row["suppressed"] == "True":
        return "hidden", "hidden" if pd.isna(of) else f"{of:,.0f}", "–"
    if pd.isna(n):
        return row["note"] or "–", "–", "–"
    shown, share = count_and_share(row)
    return shown, f"{of:,.0f}", share


def _deteriorated(results: Results) -> list[tuple]:
    table = results.text_table("change.csv")
    deteriorated = [] if table is None else table[table["class"].eq("deteriorated")].to_dict("records")
    return [(_name(results, r), f"deteriorated, {_from_to(r)}: {_rule(r)}", *counted(r)) for r in deteriorated]


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
    rule = CHANGE_METHODS.get(row["method"], row["method"])
    return f"{rule} ({row['criterion']})" if row["criterion"] else rule


def _from_to(row: dict) -> str:
    return f"{_words(row['from_occasion'])} to {_words(row['to_occasion'])}"


def _words(text: str) -> str:
    return text.replace("_", " ")


def risk(results: Results) -> Section | None:
    """The table of deterioration and risk; None where no scale has deterioration or risk items."""
    table = harm(results)
    if table is None:
        return None
    return Section("risk", "Deterioration and risk", render("stack.html", parts=[table], intro=None))
