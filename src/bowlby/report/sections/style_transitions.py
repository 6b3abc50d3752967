"""Whether patients' attachment styles changed during treatment."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup

from bowlby.report.section import Section, figure, render
from bowlby.results import Results
from bowlby.tables import sheet_html, sheets
from bowlby.tables.style_transitions import SHARES, share_words

NOISE = (
    "Styles are cut from continuous dimensions. A patient near a midpoint changes style by measurement error alone, so "
    "that many changes of style may be due to such error. Reliable shifts exclude changes within measurement error; "
    "they do not include changes of patients who remain on the same side of the midpoint."
)
CODED = (
    "The styles were not derived from dimensions with a known error of measurement, so that reliable shifts could not "
    "be determined. Some of the changes may be disagreement between two ratings."
)
GROUP = (
    "There is no untreated group: patients who were insecure at intake can be expected to move towards the mean. Only "
    "patients who answered at both occasions are included."
)


def style_transitions(results: Results) -> Section | None:
    """The shares that changed, figure, table and limitations; None where it was not examined."""
    record = results.json("style_transitions.json")
    if not record:
        return None
    said = _said(record)
    known = record["reliable"] is not None
    plot = figure(
        results,
        "style_transitions",
        alt=f"Attachment styles before and after treatment of {record['n_patients']:,} patients. {' '.join(said)}",
        caption="The cells show the number of patients by style before (rows) and after treatment (columns)"
        f"{', in brackets the number whose change is reliable' if known else ''}. Darker cells have more patients.",
    )
    text = Markup("").join(Markup("<p>{}</p>").format(sentence) for sentence in said)
    table = Markup(sheet_html(sheets(results)["style_transitions"][1]))
    limits = Markup("<h3>Limitations</h3><p>{}</p>").format(" ".join([NOISE if known else CODED, GROUP]))
    title = "Change of attachment style"
    return Section("style-transitions", title, render("stack.html", parts=[text, plot, table, limits], intro=None))


def _said(record: Mapping) -> list[str]:
    """A line for each share: who changed, out of whom."""
    shares = record["shares"]
    return [f"{words}: {share_words(shares[name])}." for name, words in SHARES.items() if name in shares]
