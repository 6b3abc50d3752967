"""Sentences of the methods text about two predictors that were weighed against each other."""

from __future__ import annotations

from bowlby.report.doubts import computed_of, left_undone
from bowlby.report.methods_model import at, bracket, fitted, random_part, switched, weights, when
from bowlby.results import Results

SIDES = ("first", "second")


def pair(results: Results) -> list[str]:
    """A paragraph of the model and one of the rules; none where no two predictors were weighed."""
    record, fit = results.json("pair.json"), results.fits.get("pair")
    if not record or not fit:
        return []
    return [_model(results, record, fit), _rules(record), *_doubts(record)]


def _model(results: Results, record: dict, fit: dict) -> str:
    asked, outcome = results.config.get("pair") or {}, results.config.get("outcome") or {}
    design = results.json("analysis/pair.design.json") or {}
    labels = record["labels"]
    covariates = ", ".join(c.replace("_", " ") for c in asked.get("covariates") or [])
    regressed = [
        *(["outcome before treatment" + bracket(at(outcome.get("pre")))] if design.get("baseline") else []),
        *([covariates] if covariates else []),
    ]
    both = f" The model also has {' and '.join(regressed)}, split into within and between therapists."
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
            f"{'; '.join(_side(results, asked.get(s) or {}, labels[s], record['roles'][s]) for s in SIDES)}. "
            f"{_composites(record)}{both if regressed else ''}{unadjusted}",
            f"{random[:1].upper()}{random[1:]}. {switched(results, 'pair', asked.get('switching'))}",
            f"{fitted(fit)} Slopes are in SD of outcome per SD of the predictor ({_sd(record)}s).{scales}",
        ]
    )


def _side(results: Results, block: dict, label: str, role: str) -> str:
    """A predictor: its scales, whom it is about, who answered when, and at which level it stands."""
    about = block.get("about") or "self"
    whom = "" if about == "self" else f" about {about.replace('_', ' ')}"
    level = (
        "centred within therapists ([[enders]])"
        if role == "patient"
        else "between therapists, each patient having the mean of the therapists by their shares"
    )
    said = f"answered by {role}s {when(block)}".rstrip()
    name = results.instrument(block.get("instrument", label))[0].removesuffix(" (the study's own key)")
    return f"{label} ({name}{whom}, {weights(block)}; {said}), {level}"


def _composites(record: dict) -> str:
    return (
        "Each is a composite with weights fixed in the configuration, of scales divided by their "
        f"{_sd(record)}, and has itself an SD of 1 by the same SDs and correlations."
    )


def _sd(record: dict) -> str:
    return "reference SD" if record["standardiser"] == "reference" else "sample SD"


def _doubts(record: dict) -> list[str]:
    """The robustness checks of the statements; none where none was run."""
    found, said = computed_of(record.get("doubts") or {}), []
    if not record.get("doubts"):
        return []
    if "parametric" in found:
        n = found["parametric"]["replicates"]
        said.append(f"A parametric bootstrap of the fitted model was run ({n:,} replicates).")
    if "sandwich" in found:
        said.append("Cluster-robust standard errors were computed (CR2, [[pustejovsky]]).")
    if "influence" in found:
        said.append(f"Each of the {found['influence']['therapists']:,} therapists was omitted once.")
    return [" ".join([*said, *(text for text in [left_undone(record["doubts"])] if text)])]


def _rules(record: dict) -> str:
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
