"""Sentences of the methods text about the models: their random part, fit, and the model of two predictors."""

from __future__ import annotations

from collections.abc import Mapping

from bowlby.report.robustness_tables import computed_of, left_undone
from bowlby.results import MAIN, Results
from bowlby.tables import number
from bowlby.tables.words import df_method
from bowlby.terms import BY_TIME, in_words

DF_WORKS = {"kenward-roger": " ([[kenward]])", "satterthwaite": " ([[satterthwaite]])"}
SWITCHING = {
    "share": "was a member of all of them, weighted by share of sessions ([[browne]])",
    "equal": "was a member of all of them, weighted equally ([[browne]])",
    "first": "was assigned to the first therapist",
    "last": "was assigned to the last therapist",
}
UNIT = "groups, couples or families"
WITHOUT = {
    "no random slope": "without random slopes",
    "groups, couples and families not modelled": f"without {UNIT}",
    "switching patients counted with the main therapist": "with the main therapist only",
    "a patient who switched counted as a new patient": "with patients who switched counted as new patients",
}


def fitted(fit: Mapping) -> str:
    """How a model was estimated, and where its degrees of freedom are from."""
    if fit["df_method"] == "residual":
        return (
            f"The model was fitted by ordinary least squares ({fit['engine']}). Its t tests are exact if the errors "
            "are normal and have the same variance."
        )
    method = "restricted maximum likelihood" if fit["reml"] else "maximum likelihood"
    adjusted = "standard errors and " if fit.get("vcov_adjusted") is not None else ""
    by = df_method(fit) + DF_WORKS.get(fit["df_method"], "")
    said = f"The model was fitted by {method} ({fit['engine']}), with {adjusted}degrees of freedom by {by}."
    return " ".join(part for part in (said, counted(fit), estimated(fit)) if part)


def counted(fit: Mapping) -> str:
    """That a slope variance of 0 counts as known; empty where none does."""
    known = fit.get("known_zero")
    if not known or fit["df_method"] != "kenward-roger":
        return ""
    slope, both = ("a random slope", "it counts") if len(known) == 1 else ("random slopes", "they count")
    said = f"The variance of {slope} was estimated as 0 (boundary); {both} as known in"
    return f"{said} standard errors and degrees of freedom."


def estimated(fit: Mapping) -> str:
    """That degrees of freedom rest on estimated traces, and how well they are known; empty where they are exact."""
    errors = [f["df_se"] / f["df"] for f in fit["fixed"] if f.get("df_se") and f.get("df")]
    if not errors:
        return ""
    return (
        "Patients who switched join so many therapists that the traces behind the degrees of freedom were estimated "
        f"with random vectors ([[hutchinson]]); their standard error is at most {100 * max(errors):.2g}% of them."
    )


def random_part(fit: Mapping, names: dict[str, str] | None = None) -> str:
    """The random part in words: "therapists had a random intercept and …"; ``names`` says what slopes are called."""
    single = [r for r in fit["random"] if not r["term2"]]
    paired = {r["group"] for r in fit["random"] if r["term2"]}
    said = []
    for group in dict.fromkeys(r["group"] for r in single):
        if group == "unit":
            said.append(f"{UNIT} treated together had a random intercept")
            continue
        slopes = [r["term"] for r in single if r["group"] == group and r["term"] != "Intercept"]
        words = [
            (names or {}).get(slope)
            or in_words(slope.removesuffix(BY_TIME)) + (" × time" if slope.endswith(BY_TIME) else "")
            for slope in slopes
        ]
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
    checks = [r for m in MAIN if (r := results.json(f"fits/second/{m}.json") or {}).get("fixed")]
    if not checks:
        return ""
    left = dict.fromkeys(WITHOUT.get(what, what) for record in checks for what in record.get("differs_by_design") or [])
    simpler = f", {' and '.join(left)}" if left else ""
    version = (results.manifest.get("versions") or {}).get("statsmodels", "")
    return f"the main model was fitted a second time with statsmodels {version} ([[seabold]]){simpler}"


SIDES = ("first", "second")


def pair(results: Results) -> list[str]:
    """A paragraph of the model and one of the rules; none where no two predictors were weighed."""
    record, fit = results.json("pair.json"), results.fits.get("pair")
    if not record or not fit:
        return []
    return [_model(results, record, fit), _rules(record), *_doubts(record)]


def _model(results: Results, record: Mapping, fit: Mapping) -> str:
    asked, outcome = results.config.get("pair") or {}, results.config.get("outcome") or {}
    design = results.json("analysis/pair.design.json") or {}
    labels = record["labels"]
    covariates = ", ".join(c.replace("_", " ") for c in asked.get("covariates") or [])
    regressed = [
        *(["outcome before treatment" + bracket(at(outcome.get("pre")))] if design.get("baseline") else []),
        *([covariates] if covariates else []),
    ]
    alone = bool(record.get("one_level"))
    both = f" The model also has {' and '.join(regressed)}"
    both += "." if alone else ", split into within and between therapists."
    unadjusted = "" if design.get("baseline") else " There was no earlier outcome to adjust for."
    after = f" {at(outcome['post'])}" if outcome.get("post") else ""
    turned = "" if outcome.get("higher_is_better") else ", multiplied by −1 so that higher is better"
    random = random_part(fit, labels)
    scales = (
        " A second model has every scale in place of the composites, with a joint test of the scales of each."
        if (results.folder / "fits/pair_scales.json").is_file()
        else ""
    )
    return " ".join(
        [
            f"The outcome was {results.instrument(outcome.get('instrument', 'outcome'))[0]}"
            f"{after}{turned}. It was regressed on two predictors together: "
            f"{'; '.join(_side(results, asked.get(s) or {}, labels[s], record['roles'][s], alone) for s in SIDES)}. "
            f"{_composites(record)}{both if regressed else ''}{unadjusted}",
            "Every therapist had one patient, so that the model has no random effects."
            if alone
            else f"{random[:1].upper()}{random[1:]}. {switched(results, 'pair', asked.get('switching'))}",
            f"{fitted(fit)} Slopes are in SD of outcome per SD of the predictor ({_sd(record)}s).{scales}",
        ]
    )


def _side(results: Results, block: dict, label: str, role: str, alone: bool = False) -> str:
    """A predictor: its scales, whom it is about, who answered when, and at which level it stands."""
    about = block.get("about") or "self"
    whom = "" if about == "self" else f" about {about.replace('_', ' ')}"
    level = (
        "centred at its mean"
        if alone
        else "centred within therapists ([[enders]])"
        if role == "patient"
        else "between therapists, each patient having the mean of the therapists by their shares"
    )
    said = f"answered by {role}s {when(block)}".rstrip()
    name = results.instrument(block.get("instrument", label))[0].removesuffix(" (the study's own key)")
    return f"{label} ({name}{whom}, {weights(block)}; {said}), {level}"


def _composites(record: Mapping) -> str:
    return (
        "Each is a composite with weights fixed in the configuration, of scales divided by their "
        f"{_sd(record)}, and has itself an SD of 1 by the same SDs and correlations."
    )


def _sd(record: Mapping) -> str:
    return "reference SD" if record["standardiser"] == "reference" else "sample SD"


def _doubts(record: Mapping) -> list[str]:
    """The robustness checks of the statements; none where none was run."""
    computed, said = computed_of(record.get("doubts") or {}), []
    if not record.get("doubts"):
        return []
    if "parametric" in computed:
        n = computed["parametric"]["replicates"]
        said.append(f"A parametric bootstrap of the fitted model was run ({n:,} replicates).")
    if "sandwich" in computed:
        said.append("Cluster-robust standard errors were computed (CR2, [[pustejovsky]]).")
    if "hc3" in computed:
        said.append("Heteroscedasticity-robust standard errors were computed (HC3).")
    if "influence" in computed:
        said.append(f"Each of the {computed['influence']['therapists']:,} therapists was omitted once.")
    return [" ".join([*said, *(text for text in [left_undone(record["doubts"])] if text)])]


def _rules(record: Mapping) -> str:
    """The rules by which the statements are decided, those of the claims C1 to C3."""
    first, second, delta = record["labels"]["first"], record["labels"]["second"], f"{record['delta']:g}"
    return (
        f"The claims that {first} and that {second} are associated with a better outcome were considered supported if "
        "the 95% confidence interval of the slope lay above 0, and refuted if it lay below 0 or the 90% interval lay "
        f"within ±{delta}. The claim that {first} is more strongly associated with outcome than {second} was tested by "
        "an intersection-union test ([[berger]]) of the difference and the sum of the slopes, each one-sided at .025; "
        "it was considered refuted if either was below 0, one-sided at .0125. The hypothesis that the slope of "
        f"{second} is negligible was tested by two one-sided tests at .05 ([[schuirmann]]) with the bound {delta}; it "
        "was considered refuted if the 95% interval lay outside the bound. All other results are inconclusive."
    )
