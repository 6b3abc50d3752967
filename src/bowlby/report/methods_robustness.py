"""Sentences of the methods text about the estimands and the robustness checks."""

from __future__ import annotations

from bowlby.report.robustness_tables import computed_of, left_undone
from bowlby.results import Results


def estimands(results: Results) -> str:
    """How the other ways to compare were computed; empty where they were not."""
    records = {name: results.json(f"estimands/{name}.json") for name in ("e1", "e2", "e5", "variance")}
    if not all(records.values()):
        return ""
    drawn = records["e2"].get("replicates")
    said = [
        "In a model with all scales of both predictors, a block index gives the SD of outcome that the scales of a "
        "predictor predict together; the interval of the difference of the indices is derived from theirs ([[zou]]).",
        "Shares of variance are those of predictors centred within therapists ([[rights]]), corrected for bias"
        + (
            f", with percentile intervals of a parametric bootstrap ({drawn:,} replicates) for perceived attachment "
            "and the squared limits of T for style."
            if drawn
            else "."
        ),
    ]
    if records["e5"].get("difference_ci"):
        said.append(
            "Prediction was evaluated by cross-validation with held-out therapists; the interval was corrected for "
            "overlapping training sets ([[nadeau]])."
        )
    if results.estimands["measurement"]["rows"]["baseline"]:
        said.append(
            "Slopes were corrected for measurement error by subtracting the error variances, estimated from item "
            "covariances, from the weighted cross-products; standard errors are from a jackknife over therapists."
        )
    exact = records["variance"].get("p_mc_se") is not None
    said.append(
        "The variance between therapists was tested by the restricted likelihood ratio"
        + (" against its exact distribution, simulated ([[crainiceanu]])." if exact else ".")
    )
    return " ".join(said)


def doubts(results: Results) -> str:
    """The robustness checks; empty where none was run."""
    record = results.json("robustness.json") or {}
    tried = computed_of(record)
    said = [text for kind, write in WRITERS.items() if (check := tried.get(kind)) and (text := write(check, results))]
    said += [text for text in [left_undone(record)] if text]
    return " ".join(["Robustness was examined as follows.", *said]) if said else ""


def _parametric(record: dict, _) -> str:
    return f"A parametric bootstrap of the fitted model was run ({record['replicates']:,} replicates)."


def _cluster(record: dict, _) -> str:
    bca = any("bca" in row for row in (record.get("intervals") or {}).values())
    how = "; intervals bias-corrected and accelerated, [[efron]]" if bca else ""
    return f"A cluster bootstrap resampled therapists with their patients ({record['replicates']:,} replicates{how})."


def _influence(record: dict, _) -> str:
    return f"Each of the {record['therapists']:,} therapists was omitted once."


def _sandwich(record: dict, _) -> str:
    return "Cluster-robust standard errors were computed (CR2, [[pustejovsky]])."


def _permutation(record: dict, results: Results) -> str:
    strata = (results.config.get("robustness") or {}).get("strata") or []
    inside = f" within {', '.join(strata)}" if strata else ""
    n = f"{record['replicates']:,} permutations, including the observed assignment"
    return f"Style was permuted among therapists{inside} ({n})."


def _wild(record: dict, _) -> str:
    return f"A wild cluster bootstrap ([[cameron]]) was run ({record['replicates']:,} replicates)."


def _multiverse(record: dict, _) -> str:
    n, of = record["replicates"], record.get("combinations") or record["replicates"]
    some = f", a random sample of the {of:,} that are possible with these data" if of > n else ""
    return f"The analysis was repeated in {n:,} specifications{some}, including the main analysis ([[simonsohn]])."


def _null(record: dict, _) -> str:
    return f"The specification curve was repeated {record['replicates']:,} times under the null hypothesis."


def _imputation(record: dict, _) -> str:
    return (
        f"Missing values were imputed {record['replicates']:,} times from a joint two-level normal model ([[schafer]]) "
        "and "
        "the estimates pooled ([[barnard]])."
    )


def _tipping(record: dict, _) -> str:
    moves = [move["delta"] for move in record.get("moves") or []]
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
