"""Sentences of the methods text that every model needs: its predictors, its random part, how it was fitted."""

from __future__ import annotations

from bowlby.results import MAIN, Results
from bowlby.tables import number
from bowlby.tables.words import df_method

DF_WORKS = {"kenward-roger": " ([[kenward]])", "satterthwaite": " ([[satterthwaite]])"}
SWITCHING = {
    "share": "counts with all of them, by share of sessions ([[browne]])",
    "equal": "counts with all of them, in equal parts ([[browne]])",
    "first": "counts with the first therapist",
    "last": "counts with the last therapist",
}
SLOPES = {"a_star_w": "perceived attachment", "time": "time", "z_star_w": "the patient's own style"}
UNIT = "groups, couples or families"
WITHOUT = {
    "no random slope": "without random slopes",
    "groups, couples and families not modelled": f"without {UNIT}",
    "switching patients counted with the main therapist": "with the main therapist only",
    "a patient who switched counted as a new patient": "with patients who switched counted as new patients",
}


def fitted(fit: dict) -> str:
    """How a model was estimated, and where its degrees of freedom are from."""
    method = "restricted maximum likelihood" if fit["reml"] else "maximum likelihood"
    adjusted = "standard errors and " if fit.get("vcov_adjusted") is not None else ""
    by = df_method(fit) + DF_WORKS.get(fit["df_method"], "")
    said = f"The model was fitted by {method} ({fit['engine']}), with {adjusted}degrees of freedom by {by}."
    return " ".join(part for part in (said, counted(fit), estimated(fit)) if part)


def counted(fit: dict) -> str:
    """That a slope variance of 0 counts as known; empty where none does."""
    known = fit.get("known_zero")
    if not known or fit["df_method"] != "kenward-roger":
        return ""
    slope, both = ("a random slope", "it counts") if len(known) == 1 else ("random slopes", "they count")
    said = f"The variance of {slope} was estimated as 0 (boundary); {both} as known in"
    return f"{said} standard errors and degrees of freedom."


def estimated(fit: dict) -> str:
    """That degrees of freedom rest on estimated traces, and how well they are known; empty where they are exact."""
    errors = [f["df_se"] / f["df"] for f in fit["fixed"] if f.get("df_se") and f.get("df")]
    if not errors:
        return ""
    return (
        "Patients who switched join so many therapists that the traces behind the degrees of freedom were estimated "
        f"with random vectors ([[hutchinson]]); their standard error is at most {100 * max(errors):.2g}% of them."
    )


def random_part(fit: dict, names: dict[str, str] | None = None) -> str:
    """The random part in words: "therapists had a random intercept and …"; ``names`` says what slopes are called."""
    named = {**SLOPES, **(names or {})}
    single = [r for r in fit["random"] if not r["term2"]]
    paired = {r["group"] for r in fit["random"] if r["term2"]}
    said = []
    for group in dict.fromkeys(r["group"] for r in single):
        if group == "unit":
            said.append(f"{UNIT} treated together had a random intercept")
            continue
        slopes = [r["term"] for r in single if r["group"] == group and r["term"] != "Intercept"]
        words = [named.get(slope, slope.replace("_", " ")) for slope in slopes]
        intercept = any(r["group"] == group and r["term"] == "Intercept" for r in single)
        parts = (["a random intercept"] if intercept else []) + [
            f"{'a' if group in paired else 'an uncorrelated'} random slope of {word}" for word in words
        ]
        first = f"{', '.join(parts[:-1])} and " if len(parts) > 1 else ""
        said.append(f"{group}s had {first}{parts[-1]}")
    return "; ".join(said)


def switched(results: Results, model: str, how: str | None) -> str:
    """How those who had several therapists count; that nobody had, where the model's description says so."""
    if (results.json(f"analysis/{model}.design.json") or {}).get("n_switching") == 0:
        return "No patient switched therapist."
    return f"A patient who switched therapist {SWITCHING.get(how or 'share', 'counts as configured')}."


def weights(block: dict | None) -> str:
    """Scales and weights of a composite: "secure 1, anxiety −1"."""
    pairs = ((block or {}).get("weights") or {}).items()
    said = [f"{scale.replace('_', ' ')} {number(w, 0 if w == int(w) else 2)}" for scale, w in pairs]
    return ", ".join(said) or "as run"


def when(block: dict | None) -> str:
    """When a side was answered: "at session 5"; empty where it was asked once."""
    if sessions := (block or {}).get("sessions"):
        return f"mean of the sessions up to {sessions}"
    return at((block or {}).get("occasion"))


def at(occasion: str | None) -> str:
    """An occasion: "at session 5"; empty where there is none."""
    return f"at {occasion.replace('_', ' ')}" if occasion else ""


def bracket(*parts: str) -> str:
    """What is known of the parts in brackets, with a blank before it; empty where nothing is."""
    known = "; ".join(part for part in parts if part)
    return f" ({known})" if known else ""


def second_engine(results: Results) -> str:
    """That the main model was fitted by another program, and what that leaves out; empty where it was not."""
    found = [r for m in MAIN if (r := results.json(f"fits/second/{m}.json") or {}).get("fixed")]
    if not found:
        return ""
    left = dict.fromkeys(WITHOUT.get(what, what) for record in found for what in record.get("differs_by_design") or [])
    simpler = f", {' and '.join(left)}" if left else ""
    version = (results.manifest.get("versions") or {}).get("statsmodels", "")
    return f"the main model was fitted a second time with statsmodels {version} ([[seabold]]){simpler}"
