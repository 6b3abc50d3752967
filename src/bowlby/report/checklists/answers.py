"""What a run knows of a paper, for the items of the checklists; None where this run does not know it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from bowlby.disclosure import shown_count
from bowlby.errors import UserError
from bowlby.instruments.catalogue import load_instrument
from bowlby.reasons import say
from bowlby.report.checklists.item import said, see
from bowlby.report.methods_models import weights
from bowlby.results import MAIN, Results
from bowlby.tables import number
from bowlby.tables.fits import random_sds
from bowlby.tables.sample import sample_table
from bowlby.tables.words import CLAIMS, NOT_TESTED, df_method, people, typeset, verdict
from bowlby.terms import IN_SENTENCES, STYLES

ROBUSTNESS = "Robustness"
SEE_FLOW = see("flow", "Flow of patients")


def _asked(results: Results) -> dict:
    return results.config.get("comparison") or {}


def _main(results: Results) -> Mapping | None:
    return next((results.fits[name] for name in MAIN if name in results.fits), None)


def _included(fit: Mapping) -> str:
    """Numbers in the main analysis; observations only where a patient has several."""
    several = f"{fit['n_obs']:,} observations of " if "patient" in fit["groups"] else f"{fit['n_obs']:,} patients, "
    return f"{several}{people(fit)}."


def _occasion(label: str | None) -> str:
    return f" at {label.replace('_', ' ')}" if label else ""


def outcome(results: Results) -> str:
    """The outcome and when it was measured."""
    asked = results.config.get("outcome") or {}
    name = results.instrument(asked.get("instrument", "outcome"))[0]
    better = "higher" if asked.get("higher_is_better") else "lower"
    when = [_occasion(asked[key]) for key in ("pre", "post") if asked.get(key)]
    return f"Outcome: {name}{' and'.join(when)}; {better} is better."


def sides(results: Results) -> str | None:
    """The predictors and when they were measured."""
    asked = _asked(results)
    named = [
        f"{words}: {results.instrument(asked[key]['instrument'])[0]}{_occasion(asked[key].get('occasion'))}"
        for key, words in IN_SENTENCES.items()
        if asked.get(key)
    ]
    return f"Predictors – {'; '.join(named)}." if named else None


def covariates(results: Results) -> str | None:
    """What the models adjust for."""
    if not results.comparison:
        return None
    names = ["baseline outcome", *(c.replace("_", " ") for c in _asked(results).get("covariates") or [])]
    return f"Adjusted for {', '.join(names)}, within and between therapists."


def variables(results: Results) -> str | None:
    """Everything that was measured for the models."""
    return said(outcome(results), sides(results), covariates(results))


def design(results: Results) -> str | None:
    """Who is nested in whom, and what was measured when."""
    fit = _main(results)
    if not fit:
        return None
    levels = ["occasions"] if "patient" in fit["groups"] else []
    levels += ["patients"] + (["therapists"] if "therapist" in fit["groups"] else [])
    return said(f"Levels: {' in '.join(levels)}.", outcome(results), sides(results))


def aims(results: Results) -> str | None:
    """The claims that were tested."""
    claims = results.verdict_claims
    tested = [f"{name}: {CLAIMS[name]}." for name in CLAIMS if name in claims and not claims[name].get("not_tested")]
    return said(*tested, "Rules and verdicts:", see("verdict", "Verdict")) if tested else None


def size(results: Results) -> str | None:
    """Sample size, and what it can show."""
    fit = _main(results)
    if not fit:
        return None
    adequacy = results.json("adequacy.json")
    text = _included(fit)
    return said(text, see("adequacy", "Power of this sample") if adequacy else "")


def flow(results: Results) -> str | None:
    """Who was analysed, and why others were not."""
    fit = _main(results)
    if not fit:
        return None
    left = [f"{why} ({shown_count(n, results.shareable)})" for why, n in (fit.get("n_dropped") or {}).items() if n]
    return said(f"Analysed: {_included(fit)}", f"Excluded: {', '.join(left)}." if left else "", SEE_FLOW)


def diagram(results: Results) -> str | None:
    """The flow chart."""
    return said(SEE_FLOW, "(figures/flow)") if (results.folder / "figures/flow.svg").is_file() else None


def instruments(results: Results) -> str | None:
    """The questionnaires with their sources."""
    audit = results.text_table("keying_audit.csv")
    if audit is None:
        return None
    pairs = [results.instrument(name) for name in sorted(set(audit["instrument"]))]
    names = [f"{name} – {source}" if source else name for name, source in pairs]
    return said(f"{'; '.join(names)}.", "How they were scored:", see("methods", "Methods"))


def reliability(results: Results) -> str | None:
    """Reliability of the scores in this sample."""
    if results.text_table("reliability.csv") is None:
        return None
    return said("Coefficient alpha in this sample:", see("reliability", "Reliability"))


def keys(results: Results) -> str | None:
    """Checks of the scoring keys."""
    if results.text_table("keying_audit.csv") is None:
        return None
    doubtful = ", ".join(results.instrument(name)[0] for name in results.unverified)
    return said("Scoring keys were checked against the data:", see("keys", "Scoring keys"),
                f"Unverified: {doubtful}." if doubtful else "")  # fmt: skip


def scales(results: Results) -> str | None:
    """Descriptive statistics."""
    if not (results.folder / "figures/distributions.svg").is_file():
        return None
    return said("Means, SDs and numbers of every scale:", see("scales", "Scales"))


def characteristics(results: Results) -> str | None:
    """What the files say of the sample, by the names of the variables."""
    table = sample_table(results)
    own = table[(table["who"] == "patient") & (table["variable"] != "")]["variable"]
    names = ", ".join(str(name).replace("_", " ") for name in dict.fromkeys(own))
    listed = said(f"{names[:1].upper()}{names[1:]}:", see("flow", "Sample and flow of patients")) if names else None
    return said(listed, scales(results))


def _kind(asked: Mapping) -> str:
    """Whether predictors are continuous, or a style is 1 if present and 0 if not."""
    block = asked.get("therapist_style") or {}
    try:
        scales = set(load_instrument(block.get("instrument", "")).scales)
    except UserError:  # the study's own
        return "continuous"
    if set(block.get("weights") or {}) <= set(STYLES) - scales:
        return "continuous (perceived attachment) and as a category, 1 if present and 0 if not (therapist's own style)"
    return "continuous"


def quantities(results: Results) -> str | None:
    """How scores became predictors."""
    if not results.comparison:
        return None
    unit = "reference SDs" if results.comparison.get("standardiser") == "reference" else "this sample's SDs"
    asked = _asked(results)
    return (
        "Composites with weights fixed in the configuration: perceived attachment "
        f"({weights(asked.get('perceived'))}), therapist's own style ({weights(asked.get('therapist_style'))}); "
        f"standardised by {unit} and analysed as {_kind(asked)}. Perceived attachment was centred within therapists."
    )


def analysis(results: Results) -> str | None:
    """All statistical methods."""
    return said("Text for the manuscript:", see("methods", "Methods")) if _main(results) else None


def subgroups(results: Results) -> str | None:
    """Interactions that were tested."""
    claim: Mapping[str, Any] = results.verdict_claims.get("C3", {})
    if not claim.get("severity"):
        return None
    style = see("verdict", "Verdict")
    if not results.json("moderation.json"):
        return said("Style by severity before treatment, with claim C3:", style)
    return said("Style by severity, with claim C3, and others:", style, see("moderation", "Moderation"))


def missing(results: Results) -> str | None:
    """How missing data were handled."""
    if not _main(results):
        return None
    scored = "" if results.text_table("reliability.csv") is None else "Missing items: each questionnaire's own rule. "
    imputed = "imputation" in (results.json("robustness.json") or {})
    how = "as a check, missing values were imputed and the analysis repeated" if imputed else "nothing was imputed"
    return said(
        f"{scored}The main analysis included patients with complete data on the variables of the model; {how}.",
        see("missing", "Missing data"),
        see("robustness", ROBUSTNESS) if imputed else "",
    )


def lost_to_follow_up(results: Results) -> str | None:
    """Those without an outcome."""
    fit = results.fits.get("primary")
    gone = [n for why, n in (fit.get("n_dropped") or {}).items() if "outcome" in why] if fit else []
    if not gone:
        return None
    return f"Excluded because they had no outcome after treatment: {shown_count(sum(gone), results.shareable)}."


def robustness(results: Results) -> str | None:
    """Sensitivity analyses."""
    if not results.json("robustness.json"):
        return None
    return said("Sensitivity analyses:", see("robustness", ROBUSTNESS))


def other_analyses(results: Results) -> str | None:
    """All analyses other than the main model."""
    return said(
        see("estimands", "Six ways to compare") if (results.folder / "estimands").is_dir() else "",
        see("other-ratings", "Attachment and other ratings") if _asked(results).get("alliance") else "",
        robustness(results),
    )


def estimates(results: Results) -> str | None:
    """The main results."""
    if results.comparison:
        return said("Estimates with 95% intervals:", see("estimates", "Estimates"), covariates(results))
    return said("Estimates with 95% intervals:", see("course", "Course over time")) if _main(results) else None


def categories(results: Results) -> str | None:
    """Boundaries of categories."""
    if not _main(results):
        return None
    shown = {"severity.csv": "severity bands", "styles.csv": "attachment styles", "change.csv": "classes of change"}
    cut = [words for file, words in shown.items() if (results.folder / file).is_file()]
    where = f" Categories are used in descriptive tables only: {', '.join(cut)}." if cut else ""
    coded = "" if _kind(_asked(results)) == "continuous" else ", and a category of the therapist's own style"
    return said(
        f"The models use continuous scores{coded}.{where}", see("scales", "Scales"), see("change", "Reliable change")
    )


def risks(results: Results) -> str | None:
    """Absolute risks: the proportions that the change section expects."""
    table = results.table("figures/data/prepost.csv")
    if table is not None and (table["kind"] == "recovered").any():
        return said("Model-implied proportions recovered at ±1 SD of perceived attachment:",
                    see("prepost", "From before to after treatment"))  # fmt: skip
    return "Not applicable: no risks were estimated." if _main(results) else None


def bias(results: Results) -> str | None:
    """What the run says and does about bias."""
    if not results.comparison:
        return None
    return said(
        "Effects within and between therapists were separated, so that differences between caseloads are not counted "
        "as associations with attachment.",
        see("other-ratings", "Attachment and other ratings") if _asked(results).get("alliance") else "",
    )


def findings(results: Results) -> str | None:
    """The verdict."""
    return said(typeset(results.verdict.sentence if results.verdict else ""))


def support(results: Results) -> str | None:
    """The verdict of each claim."""
    claims = results.verdict_claims
    words = {name: verdict(claims[name]) for name in CLAIMS if name in claims}
    return said(*(f"{name}: {word}." for name, word in words.items() if word != NOT_TESTED))


def limits(results: Results) -> str | None:
    """Limitations that the run names."""
    record = results.verdict
    if not record:
        return None
    named = [say(code) for code in record.get("flags") or []]
    for claim in record["claims"].values():
        named += [say(code, claim) for key in ("reasons", "flags") for code in claim.get(key) or []]
    text = "; ".join(dict.fromkeys(named))
    return said(f"{text[:1].upper()}{text[1:]}." if named else "", "Associations, not causes.")


def levels(results: Results) -> str | None:
    """Number of units at each level."""
    fit = _main(results)
    if not fit:
        return None
    load = (results.json("adequacy.json") or {}).get("caseload")
    size = f"Patients of a therapist: median {number(load['median'], 1)}." if load else ""
    return said(_included(fit), size)


def fixed_and_random(results: Results) -> str | None:
    """Fixed and random part, and how they were estimated."""
    fit = _main(results)
    if not fit:
        return None
    if not fit["random"]:
        return "No random part: ordinary least squares with the residual degrees of freedom."
    own = [r for r in fit["random"] if not r["term2"]]
    parts = {f"{r['group']} {'intercept' if r['term'] == 'Intercept' else 'slope'}" for r in own}
    method = "REML" if fit["reml"] else "ML"
    return f"Random: {', '.join(sorted(parts))}, residual. {method}; degrees of freedom by {df_method(fit)}."


def variances(results: Results) -> str | None:
    """Variances and intraclass correlation."""
    fit = _main(results)
    if not fit:
        return None
    if fit["model"] == "pair":  # its table has no random part in the note
        return f"{random_sds(fit, names=(results.json('pair.json') or {}).get('labels'))}.".replace("*", "")
    where = see("estimates", "Estimates") if results.comparison else see("course", "Course over time")
    return said("Random part in the note of the model's table:", where)


def convergence(results: Results) -> str | None:
    """Trouble in estimation."""
    fit = _main(results)
    if not fit:
        return None
    text = "The main model converged" if fit.get("converged") else "The main model did not converge"
    edge = "with a variance estimated at 0" if fit.get("singular") else "with no variance at 0"
    return f"{text}, {edge}."


def diagnostics(results: Results) -> str | None:
    """Residuals and checks of the data."""
    drawn = (results.folder / "figures/residuals.svg").is_file()
    issues = (results.folder / "issues.csv").is_file()
    return said(
        see("diagnostics", "Diagnostics") if drawn else "",
        see("issues", "Data issues") if issues else "",
    )


def software(results: Results) -> str | None:
    """Programs, versions and seed."""
    versions = results.manifest.get("versions") or {}
    if not versions:
        return None
    shown = ", ".join(f"{name} {versions[name]}" for name in ("bowlby", "python", "snakemake") if name in versions)
    return said(f"{shown}; seed {results.manifest.get('seed', 'not set')}.", see("provenance", "Provenance"))


def synthetic(results: Results) -> Markup | None:
    """Whether anybody took part."""
    return Markup("The data are simulated, without human participants.") if results.synthetic else None
