"""From before to after treatment: what the model expects, over what was observed."""

from __future__ import annotations

from bowlby.report.drawing import drawn, figure
from bowlby.report.section import Section, render
from bowlby.results import Results
from bowlby.tables import number


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
        alt=f"Four lines from a mean of {number(start, 1)} before treatment to what the model expects after it. "
        f"{'; '.join(said)}.",
        caption="The lines show the scores that the model expects after treatment of patients who felt one reference "
        "SD more (solid line, filled point) or less (dashed line, hollow point) securely attached than the same "
        "therapist's other patients. The left panel shows therapists whose own style is one SD more secure, the right "
        "panel those whose style is one SD less secure. All lines start at the mean before treatment. Vertical lines "
        f"are 95% intervals of the means. {seen}",
    )
    better = bool((results.config.get("outcome") or {}).get("higher_is_better"))
    intro = f"Scores are in the units of the outcome; {'higher' if better else 'lower'} scores are better."
    return Section("prepost", "From before to after treatment", render("stack.html", parts=[plot], intro=intro))


def _sign(value: float) -> str:
    return "+1" if value > 0 else "−1"
