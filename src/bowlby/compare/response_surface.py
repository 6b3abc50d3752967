"""Whether outcome is best if patient and therapist match: ``response_surface.json``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from bowlby.compare import FEW_THERAPISTS
from bowlby.config.run import Run
from bowlby.disclosure import SMALLEST, equal_blocks, hide_classes, pool_points, pooled_histogram
from bowlby.effect import Effect, effects_of
from bowlby.errors import existing
from bowlby.files import read_json, read_set
from bowlby.terms import RESPONSE_SURFACE, SURFACE

REFUTES = 1 - 0.025 / 5
"""Level of the one-sided limits that refute: one of five contrasts suffices."""
NEAR = 0.5
"""SDs by which two scores may differ and count as a match, and to which both lines should lie within the data."""
FEW_PAIRS = 0.10
"""Share of pairs below which a kind of pair (match, either side higher) counts as rare."""
TWO_GROUPS = 0.5
"""SD of W², as far as W does not predict it, per variance of W: 1.41 if W is normal, 0 if it has two values."""
BIN = 0.25
"""Width of the finest bins of therapists' scores, in SD."""


def surfaces_of(run: Run, folder: Path) -> dict:
    """What is said of each response surface, from the analysis sets and fits in a run's folder."""
    asked, shareable = existing(run.response_surface), run.privacy == "shareable"
    surfaces = []
    for name in (f"{RESPONSE_SURFACE}{scale}" for scale in run.matched_scales):
        data, _, described = read_set(folder, name)
        fit = read_json(folder / f"fits/{name}.json")
        surfaces.append(decide_match(fit, data, described, (asked.delta, asked.delta_a5), shareable))
    return {"schema": 1, "delta": asked.delta, "delta_a5": asked.delta_a5, "surfaces": surfaces}


def decide_match(
    fit: Mapping, data: pd.DataFrame, design: Mapping, bounds: tuple[float, float], shareable: bool = True
) -> dict:
    """Decide whether outcome is best along the line of congruence of one response surface.

    Parameters
    ----------
    fit : mapping
        Of :func:`bowlby.fit.response_surface.fit_response_surface`.
    data : DataFrame
        Its analysis set.
    design : mapping
        Its description.
    bounds : (float, float)
        Equivalence bounds of a3 and a5.
    shareable : bool
        Whether the area of the data is that of means of five patients, and therapists are counted by five.

    Returns
    -------
    dict
        Coefficients b1 to b5 and features a1 to a5 in SD of outcome (higher is better), the ridge, the conditions with
        what was shown of each, verdict, flags, the area of the data and a sentence.

    Notes
    -----
    Supported if all conditions hold: 90% intervals of a3 and a5 within their bounds, upper 97.5% limits of a4 and of
    b3 + b5 below 0, lower 97.5% limit of b4 above 0, and 95% intervals of the ridge's slope and crossing that include 1
    and 0. With a5 = 0 and b4 > 0 the first principal axis is parallel to the line of congruence, and with a3 = 0 they
    coincide (Nestler, Humberg & Schönbrodt, 2019). A product alone (b3 = b5 = 0) has all of this too, although no score
    of the one side is best for a score of the other; b3 + b5 < 0 excludes it. Refuted if a 99.5% limit shows a3 or a5
    to be beyond its bound, a4 or b3 + b5 above minus the bound of a5, or b4 below 0.
    """
    effects, surface = effects_of(fit["contrasts"]), design["surface"]
    ridge = ridge_of(fit, effects)
    conditions = _conditions(effects, ridge, bounds)
    shown = [condition["shown"] for condition in conditions]
    verdict = "supported" if all(shown) else "refuted" if False in shown[:5] else "inconclusive"
    points = data[["surface_x", "surface_w"]].to_numpy(float)
    area = area_of(_shown(points, surface["therapists"]), True) if shareable else area_of(points, False)
    lines = {"congruence": (1.0, 1.0), "incongruence": (1.0, -1.0)}
    inside = {name: _inside(area, direction) for name, direction in lines.items()}
    pairs = _pairs(points, shareable)
    b = [effects[f"b{k}"].estimate for k in range(1, 6)]
    return {
        **surface,
        "therapists": {side: _counted(values, shareable) for side, values in surface["therapists"].items()},
        "n_obs": fit["n_obs"],
        "n_therapists": fit["groups"].get("therapist", 0),
        "contrasts": {name: e.record() | {"p": e.p_two_sided()} for name, e in effects.items()},
        "ridge": ridge,
        "conditions": conditions,
        "verdict": verdict,
        "mean": float(np.array(b) @ data[list(SURFACE)].mean().to_numpy(float)),
        "area": area,
        "inside": inside,
        "pairs": pairs,
        "flags": _flags(fit, data, design, inside, pairs),
        "finding": (said := _said(surface, verdict, conditions))[0],
        "sentence": " ".join(said),
    }


ABSENT = {"estimate": None, "ci": None}


def ridge_of(fit: Mapping, effects: Mapping[str, Effect]) -> dict[str, dict]:
    """Slope of the ridge (the first principal axis) and its crossing of the line of incongruence.

    Parameters
    ----------
    fit : mapping
        With the covariance of its coefficients.
    effects : mapping of Effect
        a3, a4, a5 and b4.

    Returns
    -------
    dict
        ``slope`` of W on X, ``sqrt(r^2 + 1) - r`` with r = a5 / b4 (only of b4 > 0); ``crossing``, X where outcome is
        best along W = -X, ``-a3 / (2 a4)`` (only of a4 < 0). Each with its 95% set by Fieller's theorem, at the smaller
        df of the two contrasts; both None where the set is unbounded.
    """
    kept = fit["vcov_adjusted"] or fit["vcov"]
    weights = {c["name"]: np.array([c["weights"].get(t, 0.0) for t in kept["terms"]]) for c in fit["contrasts"]}
    v = np.asarray(kept["values"], float)
    slope = _ratio(effects["a5"], effects["b4"], float(weights["a5"] @ v @ weights["b4"]))
    crossing = _ratio(effects["a3"], effects["a4"], float(weights["a3"] @ v @ weights["a4"]))
    return {
        "slope": _mapped(slope, lambda r: float(np.sqrt(r * r + 1) - r))
        if effects["b4"].estimate > 0
        else dict(ABSENT),
        "crossing": _mapped(crossing, lambda r: -r / 2) if effects["a4"].estimate < 0 else dict(ABSENT),
    }


def _ratio(above: Effect, below: Effect, covariance: float) -> tuple[float, tuple[float, float] | None]:
    """A ratio of two contrasts with its 95% set by Fieller's theorem."""
    size = float(stdtrit(min(above.df, below.df), 0.975)) ** 2
    lead = below.estimate**2 - size * below.se**2
    middle = above.estimate * below.estimate - size * covariance
    half = np.sqrt(max(middle**2 - lead * (above.estimate**2 - size * above.se**2), 0.0))
    limits = (float((middle - half) / lead), float((middle + half) / lead)) if lead > 0 else None
    return above.estimate / below.estimate, limits


def _mapped(ratio: tuple[float, tuple[float, float] | None], of) -> dict:
    """A falling function of a ratio and of its limits."""
    estimate, limits = ratio
    return {"estimate": of(estimate), "ci": sorted(map(of, limits))} if limits else dict(ABSENT)


def _conditions(effects: Mapping[str, Effect], ridge: Mapping, bounds: tuple[float, float]) -> list[dict]:
    """What has to hold for congruence, and whether it was shown: True, False (shown not to hold) or None."""
    b4, out = effects["b4"], [_small("a3", effects["a3"], bounds[0]), _small("a5", effects["a5"], bounds[1])]
    for name in ("a4", "b3+b5"):
        low, high = effects[name].limits(REFUTES)[0], effects[name].limits(0.975)[1]
        shown = True if high < 0 else False if low > -bounds[1] else None
        out.append({"name": name, "bound": 0.0, "shown": shown})
    across = b4.limits(REFUTES)[1] < 0
    out.append({"name": "b4", "bound": 0.0, "shown": True if b4.limits(0.975)[0] > 0 else False if across else None})
    sets = [(ridge["slope"]["ci"], 1.0), (ridge["crossing"]["ci"], 0.0)]
    known = all(ci for ci, _ in sets)
    there = known and all(ci[0] <= value <= ci[1] for ci, value in sets)
    return [*out, {"name": "ridge", "bound": None, "shown": there if known else None}]


def _small(name: str, effect: Effect, bound: float) -> dict:
    low, high = effect.limits(REFUTES)
    beyond = low > bound or high < -bound
    shown = True if effect.within(bound) else False if beyond else None
    return {"name": name, "bound": bound, "shown": shown, "p": effect.p_equivalence(bound)}


def _shown(points: np.ndarray, therapists: Mapping[str, Sequence[float]]) -> np.ndarray:
    """The points with the mean of five or more neighbours in place of a therapist's score."""
    points = points.copy()
    for side, values in therapists.items():
        ordered, k = np.sort(values), ("surface_x", "surface_w").index(side)
        means = pd.Series(ordered).groupby(equal_blocks(len(ordered), len(ordered))).transform("mean").to_numpy()
        points[:, k] = means[np.abs(points[:, [k]] - ordered).argmin(axis=1)]
    return points


def area_of(points: np.ndarray, shareable: bool = True) -> list[list[float]] | None:
    """Corners of the convex hull of the data in order; None where they span no area.

    Parameters
    ----------
    points : ndarray, shape (n, 2)
    shareable : bool
        Corners are means of groups of five or more similar patients, so that none is a patient; the area is a little
        smaller.
    """
    from scipy.spatial import ConvexHull, QhullError

    if shareable:
        group = pool_points(points)
        points = pd.DataFrame(points).groupby(group).mean().to_numpy(float) if (group >= 0).all() else points[:0]
    try:
        return points[ConvexHull(points).vertices].tolist() if len(points) > 2 else None
    except QhullError:
        return None


def _inside(area: Sequence | None, direction: tuple[float, float]) -> list[float] | None:
    """From where to where a line through the origin lies within an area, as X; None where it misses it."""
    if area is None:
        return None
    corners, low, high = np.array(area), -np.inf, np.inf
    for one, other in zip(corners, np.roll(corners, -1, axis=0), strict=True):  # anticlockwise: inside is on the left
        normal = np.array([one[1] - other[1], other[0] - one[0]])
        slope, start = float(normal @ direction), float(normal @ one)
        if abs(slope) < 1e-12:
            if start > 0:
                return None
        elif slope > 0:
            low = max(low, start / slope)
        else:
            high = min(high, start / slope)
    return [low, high] if low < high else None


def _pairs(points: np.ndarray, shareable: bool) -> dict[str, float | None]:
    """Share of pairs in which the first score is higher, both match, and the second is higher."""
    apart = points[:, 0] - points[:, 1]
    counts = [int((apart > NEAR).sum()), int((abs(apart) <= NEAR).sum()), int((apart < -NEAR).sum())]
    hidden = hide_classes(counts, shareable)
    names = ("first_higher", "match", "second_higher")
    return {k: None if h else n / len(apart) for k, n, h in zip(names, counts, hidden, strict=True)}


def _counted(values: Sequence[float], shareable: bool) -> list[tuple[float, float, int]]:
    """Therapists by score: lowest, highest and how many, five or more where results are shared."""
    edges = np.arange(np.floor(min(values) / BIN), np.ceil(max(values) / BIN) + 1.5) * BIN
    return pooled_histogram(values, edges, shareable)


def _flags(fit: Mapping, data: pd.DataFrame, design: Mapping, inside: Mapping, pairs: Mapping) -> list[str]:
    surface = design["surface"]
    of_therapists = [np.array(values) for values in surface["therapists"].values()]
    rare = [share for share in pairs.values() if share is None or share < FEW_PAIRS]
    flags = {
        "few_therapists": bool(of_therapists) and fit["groups"].get("therapist", 0) < FEW_THERAPISTS,
        "two_groups": any(_spread_of_square(w) < TWO_GROUPS for w in of_therapists),
        "incongruence_outside": not _covered(inside["incongruence"]),
        "congruence_outside": not _covered(inside["congruence"]),
        "rare_pairs": bool(rare),
        "singular": fit["singular"],
        "sample_reference": design["reference"] == "sample" and not surface["standardised"],
    }
    return [flag for flag, given in flags.items() if given]


def _covered(extent: Sequence[float] | None) -> bool:
    return extent is not None and extent[0] <= -NEAR and extent[1] >= NEAR


def _spread_of_square(w: np.ndarray) -> float:
    """SD of the square that the score does not predict, per variance of the score; its origin is irrelevant."""
    w = w - w.mean()
    variance = float(w @ w) / len(w)
    if len(w) < SMALLEST or variance == 0:
        return 0.0
    return float(np.sqrt(max((w**4).mean() - variance**2 - (w**3).mean() ** 2 / variance, 0.0))) / variance


def _said(surface: Mapping, verdict: str, conditions: Sequence[Mapping]) -> tuple[str, str]:
    """The finding, and what it rests on."""
    first, second = surface["persons"]
    equal = f"{first} and {second} have the same score on {surface['scale'].replace('_', ' ')}"
    finding = {
        "supported": f"Supported: the outcome is best if {equal}.",
        "refuted": f"Refuted: the outcome is not best if {equal}.",
        "inconclusive": f"Inconclusive: the data do not decide whether the outcome is best if {equal}.",
    }[verdict]
    words = {
        "a3": "the slope across the line of congruence is negligible (a3)",
        "a5": "the ridge is not rotated (a5)",
        "a4": "the outcome is worse with larger differences in both directions (a4 < 0)",
        "b3+b5": "the best score of either side is not an extreme one (b3 + b5 < 0)",
        "b4": "the ridge runs along equal scores, not across them (b4 > 0)",
        "ridge": "the intervals of the ridge include the line of congruence",
    }
    by = {state: [words[c["name"]] for c in conditions if c["shown"] is state] for state in (True, False, None)}
    if not (by[False] or by[None]):
        return finding, "All six conditions of congruence hold."
    if not (by[True] or by[False]):
        return finding, "None of the six conditions of congruence is decided."
    heads = {False: "Conditions of congruence that do not hold", None: "Undecided conditions of congruence"}
    return finding, " ".join(f"{head}: {'; '.join(by[state])}." for state, head in heads.items() if by[state])
