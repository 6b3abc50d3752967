"""Sentences of the methods text about the estimands and the robustness checks."""

from __future__ import annotations

from bowlby.report.robustness_tables import computed_of, left_undone
from bowlby.results import Results


def estimands(results: Results) -> str:
    """How the other ways to compare were computed; empty where they were not."""
    found = {name: results.json(f"estimands/{name}.json") for name in ("e1", "e2", "e5", "variance")}
    if not all(found.values()):
        return ""
    drawn = found["e2"].get("replicates")
    said = [
        "In a model with all scales of both predictors, a block index gives the SD of outcome that the scales of a "
        "predictor predict together; the interval of the difference of the indices is derived from theirs ([[zou]]).",
        "Shares of variance are those of predictors centred within therapists ([[rights]]), corrected for bias"
        + (f", with percentile intervals of a parametric bootstrap ({drawn:,} replicates) for perceived attachment and "
           "the squared limits of T for style." if drawn else "."),
    ]
    if found["e5"].get("difference_ci"):
        said.append(
            "Prediction was evaluated in therapists who were left out of the fit, with an interval corrected for the "
            "overlap of the fits ([[nadeau]])."
        )
    if results.estimands["measurement"]["rows"]["baseline"]:
        said.append(
            "Slopes were corrected for measurement error by subtracting the error variances, estimated from item "
            "covariances, from the weighted cross-products; standard errors are from a jackknife over therapists."
        )
    exact = found["variance"].get("p_mc_se") is not None
    said.append(
        "The variance between therapists was tested by the restricted likelihood ratio"
        + (" against its exact distribution, simulated ([[crainiceanu]])." if exact else ".")
    )
    return " ".join(said)


def doubts(results: Results) -> str:
    """The robustness checks; empty where none was run."""
    record = results.json("robustness.json") or {}
    tried = computed_of(record)
    said = [text for kind, write in WRITERS.items() if (found := tried.get(kind)) and (text := write(found, results))]
    said += [text for text in [left_undone(record)] if text]
    return " ".join(["Robustness was examined as follows.", *said]) if said else ""


def _parametric(found: dict, _) -> str:
    return f"A parametric bootstrap of the fitted model was run ({found['replicates']:,} replicates)."


def _cluster(found: dict, _) -> str:
    bca = any("bca" in row for row in (found.get("intervals") or {}).values())
    how = "; intervals bias-corrected and accelerated, [[efron]]" if bca else ""
    return f"A cluster bootstrap resampled therapists with their patients ({found['replicates']:,} replicates{how})."


def _influence(found: dict, _) -> str:
    return f"Each of the {found['therapists']:,} therapists was omitted once."


def _sandwich(found: dict, _) -> str:
    return "Cluster-robust standard errors were computed (CR2, [[pustejovsky]])."


def _permutation(found: dict, results: Results) -> str:
    strata = (results.config.get("robustness") or {}).get("strata") or []
    inside = f" within {', '.join(strata)}" if strata else ""
    n = f"{found['replicates']:,} permutations, including the observed assignment"
    return f"Style was permuted among therapists{inside} ({n})."


def _wild(found: dict, _) -> str:
    return f"A wild cluster bootstrap ([[cameron]]) was run ({found['replicates']:,} replicates)."


def _multiverse(found: dict, _) -> str:
    n, of = found["replicates"], found.get("combinations") or found["replicates"]
    some = f", a random sample of the {of:,} that are possible with these data" if of > n else ""
    return f"The analysis was repeated in {n:,} specifications{some}, including the main analysis ([[simonsohn]])."


def _null(found: dict, _) -> str:
    return f"The specification curve was repeated {found['replicates']:,} times under the null hypothesis."


def _imputation(found: dict, _) -> str:
    return (
        f"Missing values were imputed {found['replicates']:,} times from a joint two-level normal model ([[schafer]]) "
        "and "
        "the estimates pooled ([[barnard]])."
    )


def _tipping(found: dict, _) -> str:
    moves = [move["delta"] for move in found.get("moves") or []]
    if not moves:
        return ""
    return (
        "Imputed outcomes were shifted so that the slope of perceived attachment, or of style, among patients without "
        f"outcome differed by up to {max(map(abs, moves)):g} SD of outcome per SD of the predictor in either direction."
    )


WRITERS = {
    "parametric": _parametric,
    "cluster": _cluster,
    "influence": _influence,
    "sandwich": _sandwich,
    "permutation": _permutation,
    "wild": _wild,
    "multiverse": _multiverse,
    "multiverse_null": _null,
    "imputation": _imputation,
    "tipping": _tipping,
}
