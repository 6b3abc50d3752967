"""The methods text, written from what was run."""

from __future__ import annotations

from bowlby.disclosure import shown_count
from bowlby.errors import existing
from bowlby.report.methods_models import at, bracket, fitted, pair, random_part, second_engine, switched, weights, when
from bowlby.report.methods_robustness import doubts, estimands
from bowlby.report.methods_sessions import (
    clinical_change,
    mediation,
    moderation,
    response_surface,
    session_to_session,
    style_transitions,
    suicidal_ideation,
)
from bowlby.report.references import cite, cited, in_style
from bowlby.results import MAIN, Results, once
from bowlby.tables.fits import boundary, left_out
from bowlby.tables.words import outcome_name, people

MODELS = {"primary": "main analysis", "pair": "model of the two predictors", "growth": "growth model"}
RATINGS = {"alliance": "the alliance", "mentalizing": "mentalizing"}


def methods_text(results: Results) -> str:
    """``methods.md``: paragraphs, then the works cited."""
    listed = "\n".join(f"- {in_style(work)}" for work in references(results))
    return "# Methods\n\n" + "\n\n".join(paragraphs(results)) + f"\n\n## References\n\n{listed}\n"


def paragraphs(results: Results) -> list[str]:
    """The sentences, a paragraph for each stage that was run."""
    return [cite(text) for text in _marked(results)]


def references(results: Results) -> list[str]:
    """Works that the paragraphs cite, and the sources of the questionnaires, in order."""
    sources = {citation for name in _instruments(results) if (citation := results.instrument(name)[1])}
    return sorted(cited(_marked(results)) | sources, key=str.casefold)


@once
def _marked(results: Results) -> list[str]:
    compared = bool(results.comparison) and "primary" in results.fits
    written = [estimand(results)] if compared else []
    written += [registration(results)] if results.fits else []
    written += [
        f"[Resolve this and repeat the run before using this text: {line}.]"
        for line in results.manifest.get("contrary_directions", [])
    ]
    written += [_data(results), _scoring(results)]
    if compared:
        written += [_primary(results), _rules(results), _beside(results), estimands(results), doubts(results)]
    written += pair(results)
    if "growth" in results.fits:
        written.append(_growth(results))
    if through := results.json("mediation.json"):
        written.append(mediation(through))
    if ideation := results.json("suicidal_ideation.json"):
        written.append(suicidal_ideation(results, ideation))
    if change := results.json("clinical_change.json"):
        written.append(clinical_change(change))
    if moderated := results.json("moderation.json"):
        written.append(moderation(moderated))
    if match := results.json("response_surface.json"):
        written.append(response_surface(match))
    if styles := results.json("style_transitions.json"):
        written.append(style_transitions(results, styles))
    if lead := results.json("session_to_session.json"):
        written.append(session_to_session(results, lead))
    return [p for p in [*written, _software(results)] if p]


def _instruments(results: Results) -> list[str]:
    audit = results.text_table("keying_audit.csv")
    return [] if audit is None else sorted(set(audit["instrument"]))


def _data(results: Results) -> str:
    sentences = []
    if results.synthetic:
        sentences.append("The data are synthetic, simulated with a known truth.")
    for name in (name for name in MAIN if name in results.fits):
        fit = results.fits[name]
        dropped = (fit.get("n_dropped") or {}).items()
        left = [f"{reason} ({shown_count(n, results.shareable)})" for reason, n in dropped if n]
        rows = "observations" if "patient" in fit["groups"] else "patients"
        out = f" Excluded: {', '.join(left)}." if left else " None was excluded."
        of = f" of {people(fit)}" if fit["groups"] else ""
        sentences.append(f"The {MODELS[name]} included {fit['n_obs']:,} {rows}{of}.{out}")
    return " ".join(sentences)


def _scoring(results: Results) -> str:
    names = _instruments(results)
    if not names:
        return ""
    table = results.text_table("reliability.csv")
    items = set() if table is None else set(table["instrument"])
    said = [f"Questionnaires: {_named(results, names)}."]
    from_items, given = [n for n in names if n in items], [n for n in names if n not in items]
    if from_items:
        who = "They were" if not given else f"{_named(results, from_items)} {_were(from_items)}"
        said.append(
            f"{who} scored from the items with the key of each questionnaire and its rule for missing items. Internal "
            f"consistency is coefficient alpha ([[cronbach]]), computed as in pingouin ([[vallat]]){_omega(table)}."
        )
    if given:
        who = "Scale scores were" if not from_items else f"Scores of {_named(results, given)} were"
        said.append(f"{who} given and checked against their range; coefficient alpha is not available for them.")
    if results.unverified:
        doubtful = results.unverified
        key = "item key" if len(doubtful) == 1 else "item keys"
        said.append(
            f"The {key} of {_named(results, doubtful)} {'is' if len(doubtful) == 1 else 'are'} unverified and must be "
            "confirmed against a licensed copy."
        )
    return " ".join(said)


def _omega(table) -> str:
    """What is reported in addition to alpha."""
    coefficients = set(table["coefficient"])
    said = ", and coefficient omega" if "omega_total" in coefficients else ""
    return said + (", also within and between therapists" if "omega_within_therapist" in coefficients else "")


def _named(results: Results, names: list[str]) -> str:
    return ", ".join(results.instrument(name)[0] for name in names)


def _were(names: list[str]) -> str:
    return "was" if len(names) == 1 else "were"


def _primary(results: Results) -> str:
    fit = results.fits["primary"]
    asked = results.config.get("comparison") or {}
    outcome = results.config.get("outcome") or {}
    perceived, style = asked.get("perceived"), asked.get("therapist_style")
    covariates = ", ".join(asked.get("covariates") or [])
    before, after = occasions(outcome)
    random = random_part(fit)
    return " ".join(
        [
            f"The outcome was {outcome_name(results)}. "
            f"The outcome{bracket(after)} was regressed on the baseline outcome"
            f"{bracket(before, 'within and between therapists')},"
            f"{f' {covariates} (within and between),' if covariates else ''} the composite of perceived attachment"
            f"{bracket(weights(perceived), when(perceived))} centred within therapists ([[enders]]), and the composite "
            f"of the therapist's own style{bracket(weights(style), when(style))}.",
            f"{random[:1].upper()}{random[1:]}. {switched(results, 'primary', asked.get('switching'))}",
            fitted(fit),
            "The slopes P and T are in SD of outcome per "
            + ("reference SD." if existing(results.comparison).standardiser == "reference" else "SD of this sample."),
        ]
    )


def occasions(outcome: dict) -> tuple[str, str]:
    """When the outcome was measured, before and after treatment."""
    if sessions := outcome.get("after"):
        return f"mean of the sessions up to {sessions}", f"mean of the sessions after {sessions}"
    return at(outcome.get("pre")), at(outcome.get("post"))


def _rules(results: Results) -> str:
    delta = f"{existing(results.comparison).delta:g}"
    return (
        "P > 0 (C1) was considered supported if the 95% confidence interval of P lay above 0, and refuted if it lay "
        f"below 0 or the 90% interval lay within ±{delta}. P > |T| (C2) was tested by an intersection-union test "
        "([[berger]]) of P − T and P + T, each one-sided at .025; it was considered refuted if either was below 0, "
        "one-sided at .0125. The hypothesis that T is negligible (C3) was tested by two one-sided tests at .05 "
        f"([[schuirmann]]) with the bound {delta}; it was considered refuted if the 95% interval lay outside it. "
        f"{_perceived(results)}"
    )


def _perceived(results: Results) -> str:
    """How C4 and C5 were tested, or that they were not."""
    claims = results.verdict_claims
    tests = {
        "C4": "C4 was tested as C3, in a model of perceived attachment with a random intercept of therapists.",
        "C5": "C5 was tested as C1, by the slope of the patient's own style within therapists in a model of perceived "
        "attachment, with a random slope of that style.",
    }
    left = [name for name in tests if claims.get(name, {}).get("not_tested", True)]
    said = [text for name, text in tests.items() if name not in left]
    if left:
        said.append(
            f"Claim{'s' * (len(left) > 1)} {' and '.join(left)} {'were' if len(left) > 1 else 'was'} not tested."
        )
    return " ".join(said)


def _beside(results: Results) -> str:
    """Models with another rating by the same patient."""
    ratings = [words for name, words in RATINGS.items() if results.json(f"fits/{name}_joint.json")]
    if not ratings:
        return ""
    apart = [words for name, words in RATINGS.items() if results.json(f"fits/{name}_scales.json")]
    subscales = f" A further model has the subscales of {' and of '.join(apart)} together." if apart else ""
    return (
        f"The same model was fitted with {' and with '.join(ratings)} in addition to and instead of perceived "
        f"attachment, for the patients with both ratings.{subscales}"
    )


FORMS = {"linear": "was modelled as linear", "log": "was modelled as linear in ln(1 + time)",
         "quadratic": "was modelled as quadratic"}  # fmt: skip


def _growth(results: Results) -> str:
    fit, asked = results.fits["growth"], results.config.get("growth") or {}
    design = results.json("analysis/growth.design.json") or {}
    unit = design.get("time_unit") or results.study.get("time_unit")
    adjusted = ", ".join(asked.get("covariates") or [])
    adjusted = f", adjusted for {adjusted} (centred at the mean of the patients)" if adjusted else ""
    shape = fit.get("shape") or {}
    said = (
        f"The course of the outcome over time{f' (in {unit})' if unit else ''} "
        f"{FORMS[shape.get('form') or 'linear']}{adjusted}; {random_part(fit)}.",
        "This form was chosen by AIC (maximum likelihood) before predictors were added." if shape.get("aic") else "",
        _slopes(asked, design),
        "Residuals of a patient had a continuous-time first-order autoregressive correlation."
        if asked.get("residual") == "car1"
        else "",
        left_out(fit),
        fitted({**fit, "known_zero": []}),  # that variances of 0 are treated as known is said with the boundary
        boundary(fit),
    )
    return " ".join(part for part in said if part)


def _slopes(asked: dict, design: dict) -> str:
    """What shifts the slope of the course, and how it is tested."""
    said = []
    if asked.get("slopes"):
        said.append(f"Level and slope depended on {', '.join(asked['slopes'])}.")
    named = {"perceived": "perceived attachment within therapists",
             "therapist_style": "the own style of the therapist who treated the patient at that time"}  # fmt: skip
    if given := [words for name, words in named.items() if asked.get(name)]:
        said.append(f"Level and slope depended on {' and on '.join(given)}; the claims concern the slope.")
    if asked.get("perceived"):
        said.append("Both effects of perceived attachment varied between therapists.")
    if asked.get("within_patient"):
        said.append(
            "A further model had the deviations of a patient's ratings of perceived attachment from their own "
            "mean at the occasions of the outcome; this slope varied between patients and therapists."
        )
    if asked.get("landmark") is not None:
        said.append(f"Only outcomes after time {asked['landmark']:g}, at which perceived attachment was rated, were "
                    "analysed. Level and slope were adjusted for the mean outcome up to this time.")  # fmt: skip
    if given:
        said.append(f"Slopes are expressed as the difference from time {design['start']:.3g} to time "
                    f"{design['end']:.3g}. G1 and G2 were decided by the rules of C1 and C2.")  # fmt: skip
    return " ".join(said)


def _software(results: Results) -> str:
    versions = results.manifest.get("versions") or {}
    shown = [f"{name} {versions[name]}" for name in ("numpy", "scipy", "pandas", "pingouin") if name in versions]
    text = f"Analyses were run with bowlby {versions.get('bowlby', '')} (Python {versions.get('python', '')}"
    text += f", {', '.join(shown)}) as a Snakemake {versions.get('snakemake', '')} workflow ([[molder]])"
    if second := second_engine(results):
        text += f"; {second}"
    return f"{text}. The seed was {results.manifest.get('seed', 'not set')}."


SWITCHED = {
    "share": "each therapist is weighted by the share of sessions",
    "first": "the first therapist counts",
    "last": "the last therapist counts",
    "equal": "all therapists have equal weight",
}
BEGUN = {
    "collection": "before data were collected",
    "access": "before the data were accessed",
    "analysis": "before the data were analysed",
}


def estimand(results: Results) -> str:
    """Population, what is compared, outcome, and how missing outcomes and changes of therapist are treated."""
    asked, outcome = results.config.get("comparison") or {}, results.config.get("outcome") or {}
    when = (
        f"as the mean of the sessions after {outcome['after']}" if outcome.get("after") else at(outcome.get("post"))
    ).strip()
    imputed = "imputation" in (results.json("robustness.json") or {})
    checked = "; multiple imputation is a robustness check" if imputed else ""
    switching = (results.json("analysis/primary.design.json") or {}).get("n_switching")
    how = SWITCHED[asked.get("switching") or "share"]
    changed = f" For patients with several therapists, {how}." if switching else ""
    return (
        f"Estimands: the difference in outcome{when and f' {when}'} per SD of perceived attachment between patients of "
        "the same therapist (P), and per SD of the therapist's own style between therapists (T), at equal baseline "
        "outcome. The target population is patients of therapists similar to those of the study. Complete cases "
        f"were analysed{checked}.{changed}"
    )


def registration(results: Results) -> str:
    """Where and when the analysis was registered, with deviations; that the configuration names none."""
    named = results.config.get("registration")
    if not named:
        return "[State where the analysis was registered, or that it was not.]"
    begun = f", {BEGUN[named['before']]}" if named.get("before") else ""
    said = f"The analysis was registered on {named['date']}{begun} ({named['address']})."
    deviations = [text.strip().rstrip(".") for text in named.get("deviations") or []]
    if deviations:
        return f"{said} Deviations from the registration: {'; '.join(deviations)}."
    return f"{said} No deviation from it is named."
