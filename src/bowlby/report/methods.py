"""The methods text, written from what was run."""

from __future__ import annotations

from bowlby.report.results import MAIN, Results
from bowlby.tables import number
from bowlby.tables.words import df_method, people

FEWEST = 5
WORKS = {
    "berger": "Berger, R. L. (1982). Multiparameter hypothesis testing and acceptance sampling. Technometrics, 24, "
    "295-300.",
    "cronbach": "Cronbach, L. J. (1951). Coefficient alpha and the internal structure of tests. Psychometrika, 16, "
    "297-334.",
    "enders": "Enders, C. K., & Tofighi, D. (2007). Centering predictor variables in cross-sectional multilevel "
    "models: A new look at an old issue. Psychological Methods, 12, 121-138.",
    "kenward": "Kenward, M. G., & Roger, J. H. (1997). Small sample inference for fixed effects from restricted "
    "maximum likelihood. Biometrics, 53, 983-997.",
    "molder": "Mölder, F., et al. (2021). Sustainable data analysis with Snakemake. F1000Research, 10, 33.",
    "satterthwaite": "Satterthwaite, F. E. (1946). An approximate distribution of estimates of variance components. "
    "Biometrics Bulletin, 2, 110-114.",
    "schuirmann": "Schuirmann, D. J. (1987). A comparison of the two one-sided tests procedure and the power approach "
    "for assessing the equivalence of average bioavailability. Journal of Pharmacokinetics and Biopharmaceutics, 15, "
    "657-680.",
    "seabold": "Seabold, S., & Perktold, J. (2010). statsmodels: Econometric and statistical modeling with Python. "
    "Proceedings of the 9th Python in Science Conference, 92-96.",
    "vallat": "Vallat, R. (2018). Pingouin: Statistics in Python. Journal of Open Source Software, 3, 1026.",
}
DF_WORKS = {"kenward-roger": "kenward", "satterthwaite": "satterthwaite"}
CITED = {"kenward-roger": "Kenward & Roger, 1997", "satterthwaite": "Satterthwaite, 1946"}


def methods_text(results: Results) -> str:
    """``methods.md``: paragraphs, then the works cited."""
    listed = "\n".join(f"- {work}" for work in references(results))
    return "# Methods\n\n" + "\n\n".join(paragraphs(results)) + f"\n\n## References\n\n{listed}\n"


def paragraphs(results: Results) -> list[str]:
    """The sentences, a paragraph for each stage that was run."""
    written = [_data(results), _scoring(results)]
    written += [_primary(results), _rules(results)] if results.comparison and "primary" in results.fits else []
    written += [_growth(results)] if "growth" in results.fits else []
    return [p for p in [*written, _software(results)] if p]


def references(results: Results) -> list[str]:
    """Works that the paragraphs cite, and the sources of the questionnaires, in order."""
    cited = {"molder"}
    if results.csv("reliability.csv") is not None:
        cited |= {"cronbach", "vallat"}
    cited |= {DF_WORKS[f["df_method"]] for f in results.fits.values() if f["df_method"] in DF_WORKS}
    if any(results.json(f"fits/second/{model}.json") for model in MAIN):
        cited.add("seabold")
    if results.comparison:
        cited |= {"berger", "enders", "schuirmann"}
    sources = {citation for name in _instruments(results) if (citation := results.instrument(name)[1])}
    return sorted({WORKS[name] for name in cited} | sources, key=str.casefold)


def _instruments(results: Results) -> list[str]:
    audit = results.csv("keying_audit.csv")
    return [] if audit is None else sorted(set(audit["instrument"]))


def _data(results: Results) -> str:
    sentences = []
    if results.synthetic:
        sentences.append("The data are synthetic, simulated with a known truth.")
    for fit in (results.fits[name] for name in MAIN if name in results.fits):
        left = [f"{reason} ({lost(n, results.shareable)})" for reason, n in (fit.get("n_dropped") or {}).items() if n]
        out = f"; rows left out: {', '.join(left)}" if left else "; no row was left out"
        sentences.append(f"The {fit['model']} model has {fit['n_obs']:,} rows ({people(fit)}){out}.")
    return " ".join(sentences)


def lost(n: int, shareable: bool) -> str:
    """A number of patients left out, not told exactly where privacy asks for it."""
    return f"fewer than {FEWEST}" if shareable and n < FEWEST else f"{n:,}"


def _scoring(results: Results) -> str:
    names = [results.instrument(name)[0] for name in _instruments(results)]
    if not names:
        return ""
    from_items = results.csv("reliability.csv") is not None
    text = f"Questionnaires: {', '.join(names)}. "
    if from_items:
        text += (
            "They were scored from their items by the published keys, each with its own rule for missing items; "
            "internal consistency is coefficient alpha (Cronbach, 1951), computed with pingouin (Vallat, 2018)."
        )
    else:
        text += "Scale scores were given and checked against their range; coefficient alpha is not available."
    if results.unverified:
        doubtful = ", ".join(results.instrument(name)[0] for name in results.unverified)
        text += f" The item key of {doubtful} is unverified and has to be confirmed against a licensed copy."
    return text


def _fitted(fit: dict) -> str:
    method = "restricted maximum likelihood" if fit["reml"] else "maximum likelihood"
    cited = CITED.get(fit["df_method"])
    text = f"It was fitted by {method} ({fit['engine']}), with degrees of freedom by {df_method(fit)}"
    return f"{text} ({cited})." if cited else f"{text}."


def _primary(results: Results) -> str:
    fit = results.fits["primary"]
    asked = results.config.get("comparison") or {}
    outcome = results.config.get("outcome") or {}
    slopes = [r["term"] for r in fit["random"] if r["group"] == "therapist" and r["term"] != "Intercept"]
    slope = " and an uncorrelated random slope of perceived attachment" if "a_star_w" in slopes else ""
    covariates = ", ".join(asked.get("covariates") or [])
    switching = {
        "share": "are members of several therapists by their share of sessions",
        "first": "count with their first therapist",
        "last": "count with their last therapist",
        "equal": "are members of their therapists in equal parts",
    }.get(asked.get("switching"), "are counted as configured")
    return " ".join(
        [
            f"The outcome was {results.instrument(outcome.get('instrument', 'outcome'))[0]}, scored so that higher is "
            "better. Outcome after treatment was regressed on outcome before treatment (within and between therapists),"
            f"{f' {covariates} (within and between),' if covariates else ''} the composite of perceived attachment "
            f"({weights(asked.get('perceived'))}) centred within therapists (Enders & Tofighi, 2007), and the "
            f"composite of the therapist's own style ({weights(asked.get('therapist_style'))}).",
            f"Therapists had a random intercept{slope}; patients who switched {switching}.",
            _fitted(fit),
            "The slopes P and T are in SD of outcome per "
            + ("reference SD." if results.comparison.get("standardiser") == "reference" else "SD of this sample."),
        ]
    )


def weights(block: dict | None) -> str:
    """Scales and weights of a composite: "secure 1, anxiety −1"."""
    pairs = ((block or {}).get("weights") or {}).items()
    said = [f"{scale.replace('_', ' ')} {number(w, 0 if w == int(w) else 2)}" for scale, w in pairs]
    return ", ".join(said) or "as run"


def _rules(results: Results) -> str:
    delta = f"{results.comparison['delta']:g}"
    return (
        "P > 0 was tested by its 95% interval, and held refuted where P lies below 0 or its 90% interval within "
        f"±{delta}. P > |T| was tested as an intersection-union test (Berger, 1982) of P − T and P + T, each one-sided "
        "at .025, and held refuted where either lies below 0 one-sided at .0125. That T is negligible was tested by "
        f"two one-sided tests at .05 (Schuirmann, 1987) with the bound {delta}. "
        f"{_perceived(results)} Associations are not causes: the patient rated both perceived attachment and outcome."
    )


def _perceived(results: Results) -> str:
    """How C4 and C5 were tested, or that they were not."""
    claims = (results.verdict or {}).get("claims") or {}
    tests = {
        "C4": "C4 was tested as C3, on a model of perceived attachment with a random intercept of therapists.",
        "C5": "C5 was tested by the joint test of the patient's style within therapists, on a model of perceived "
        "attachment with a random slope of that style.",
    }
    left = [name for name in tests if claims.get(name, {}).get("not_tested", True)]
    said = [text for name, text in tests.items() if name not in left]
    if left:
        said.append(
            f"Claim{'s' * (len(left) > 1)} {' and '.join(left)} {'were' if len(left) > 1 else 'was'} not tested."
        )
    return " ".join(said)


def _growth(results: Results) -> str:
    unit = results.study.get("time_unit")
    return (
        f"The course of the outcome over time{f' (in {unit})' if unit else ''} was a straight line with random "
        f"intercepts of patients and of therapists. {_fitted(results.fits['growth'])}"
    )


def _software(results: Results) -> str:
    versions = results.manifest.get("versions") or {}
    shown = [f"{name} {versions[name]}" for name in ("numpy", "scipy", "pandas", "pingouin") if name in versions]
    text = f"Analyses were run with bowlby {versions.get('bowlby', '')} (Python {versions.get('python', '')}"
    text += f", {', '.join(shown)}) as a Snakemake {versions.get('snakemake', '')} workflow (Mölder et al., 2021)"
    if any(results.json(f"fits/second/{model}.json") for model in MAIN):
        text += (
            f"; the main models were fitted a second time with statsmodels {versions.get('statsmodels', '')} "
            "(Seabold & Perktold, 2010)"
        )
    return f"{text}. The seed was {results.manifest.get('seed', 'not set')}."
