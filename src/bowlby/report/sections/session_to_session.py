"""Which of two series comes first from session to session."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup, escape

from bowlby.report.section import Section, figure, render
from bowlby.results import Results
from bowlby.tables import interval, number, p_value, sheet_html, sheets
from bowlby.tables.session_to_session import path_names
from bowlby.tables.words import typeset

OBSERVED = (
    "The patients' differences from their own means are compared from one session to the next, so that nothing that is "
    "stable in a patient or a therapist can explain the paths. What changes from session to session, such as an event "
    "in the patient's life, can."
)
SAME_RATER = "The same person rated both, so that a mood that lasts may be in both and in the next session."
BIASED = (
    "The common model centres at the patient's mean, which contains later sessions. Its paths are biased, the more so "
    "the fewer sessions there are; it is shown because it is often reported."
)


def session_to_session(results: Results) -> Section | None:
    """Sentence, figure, table and what limits them; None where it was not examined."""
    record = results.json("session_to_session.json")
    if not record:
        return None
    names, main = path_names(record), record["paths"][record["detrend"]]
    said = [f"{names[k]} {number(main[k]['estimate'])}, 95% CI {interval(*main[k]['ci'])}" for k in ("L", "R")]
    plot = figure(
        results,
        "session_to_session",
        alt=f"Paths from one session to the next. {'; '.join(said)}. The table has all numbers.",
        caption="The points show how much a session one SD above the patient's own level predicts the next session, "
        "with 95% intervals, for each way of taking out trends over time. The two upper rows are the paths that the "
        f"claims compare. The grey band is ±{record['delta']:g}, the size that the configuration calls negligible.",
    )
    same = any("same_rater_of_both" in claim["reasons"] for claim in record["claims"].values())
    limits = [OBSERVED, *([SAME_RATER] if same else []), *_warnings(record), BIASED]
    paragraph = Markup("<h3>Limitations</h3><p>{}</p>").format(" ".join(limits))
    sentence = Markup('<p class="answer">{}</p>').format(escape(typeset(record["sentence"])))
    table = Markup(sheet_html(sheets(results)["session_to_session"][1]))
    html = render("stack.html", parts=[sentence, plot, table, paragraph], intro=None)
    return Section("session-to-session", "From session to session", html)


def _warnings(record: Mapping) -> list[str]:
    """What these data give reason to say."""
    claims = record["claims"]
    warnings = []
    if any("detrended_otherwise" in claim["flags"] for claim in claims.values()):
        verdicts = "; ".join(f"{name}: {claim['detrended']['none']} with nothing taken out, "
                             f"{claim['detrended']['mean']} without session means, "
                             f"{claim['detrended']['patient']} without patients' own lines"
                             for name, claim in claims.items())  # fmt: skip
        warnings.append(f"The verdicts depend on how trends over time are taken out ({verdicts}).")
    if any("not_stationary" in claim["flags"] for claim in claims.values()):
        p = p_value(record["stationary_p"])
        p = f"p {p}" if p.startswith("<") else f"p = {p}"
        warnings.append(f"Patients differ more or less at first than later on ({p}); the model allows for this.")
    if any("singular" in claim["flags"] for claim in claims.values()):
        warnings.append("A variance between patients or therapists was estimated at 0.")
    if record["left_out"]:
        why = record["left_out"][0]["reason"]
        warnings.append(
            f"Therapists are not in the model ({why}); what differs between them counts as "
            "a difference between patients."
        )
    return warnings
