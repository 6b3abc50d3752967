"""Which of two series comes first from session to session."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup

from bowlby.report.section import Section, answer, figure, render
from bowlby.results import Results
from bowlby.tables import interval, number, p_statement, sheet_html, sheets
from bowlby.tables.session_to_session import path_names

OBSERVED = (
    "The paths relate deviations from the patient's own mean between successive sessions. Stable differences between "
    "patients or therapists therefore cannot explain them. Confounders that change from session to session, such as "
    "life events, can."
)
SAME_RATER = "The same person rated both scales, so that a lasting mood may affect both in successive sessions."
BIASED = (
    "In the common model, predictors are centred at the patient's mean, which contains later sessions. Its paths are "
    "biased, and more so with fewer sessions. It is shown because it is often reported."
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
        alt=f"Paths from one session to the next. {'; '.join(said)}. The table gives all numbers.",
        caption="The points show the difference in the next session (SD within patients) for a session 1 SD above the "
        "patient's own mean, with 95% intervals, for each method of detrending. The two upper rows show the paths "
        f"that the claims compare. The grey band shows the equivalence bounds, ±{record['delta']:g}.",
    )
    same = any("same_rater_of_both" in claim["reasons"] for claim in record["claims"].values())
    limits = [OBSERVED, *([SAME_RATER] if same else []), *_warnings(record), BIASED]
    paragraph = Markup("<h3>Limitations</h3><p>{}</p>").format(" ".join(limits))
    table = Markup(sheet_html(sheets(results)["session_to_session"][1]))
    html = render("stack.html", parts=[answer(record), plot, table, paragraph], intro=None)
    return Section("session-to-session", "From session to session", html)


def _warnings(record: Mapping) -> list[str]:
    """What these data give reason to say."""
    claims = record["claims"]
    warnings = []
    if any("detrended_otherwise" in claim["flags"] for claim in claims.values()):
        verdicts = "; ".join(f"{name}: {claim['detrended']['none']} without detrending, "
                             f"{claim['detrended']['mean']} with session means removed, "
                             f"{claim['detrended']['patient']} with each patient's line also removed"
                             for name, claim in claims.items())  # fmt: skip
        warnings.append(f"The verdicts depend on the method of detrending ({verdicts}).")
    if any("not_stationary" in claim["flags"] for claim in claims.values()):
        p = p_statement(record["stationary_p"])
        warnings.append(
            f"The variance within patients at first differs from that later ({p}); the model allows for this."
        )
    if any("singular" in claim["flags"] for claim in claims.values()):
        warnings.append("A variance between patients or therapists was estimated at 0.")
    if any("no_jackknife" in claim["flags"] for claim in claims.values()):
        warnings.append(
            "The jackknife over therapists could not be computed. Standard errors therefore assume the same paths for "
            "all therapists."
        )
    if record["left_out"]:
        why = record["left_out"][0]["reason"]
        warnings.append(
            f"The model does not include therapists ({why}); differences between therapists are therefore part of the "
            "differences between patients."
        )
    return warnings
