"""Predictors of reliable and clinically significant change: who improved, recovered or did not deteriorate."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import pandas as pd

from bowlby.design.centring import components
from bowlby.disclosure import hide_classes, small
from bowlby.fit.marginal import Marginal, Mean, fit_marginal, separated
from bowlby.fit.models import Fitter
from bowlby.terms import P_BETWEEN, P, T, label

ORDER = ("deteriorated", "unchanged", "improved", "recovered")
"""Classes of change from worst to best. An event is a class or a better one."""
FEWEST = 10
"""Patients with and without an event that a model needs."""
PER_TERM = 5
"""Patients of the rarer kind for each coefficient, below which a model has too many of them."""
LOW_DF = 4.0
"""Degrees of freedom below which p values are inaccurate (Pustejovsky & Tipton 2018)."""
LARGEST = 5_000
"""Rows of a cluster whose covariance is still a full matrix."""
TESTED = {"perceived": P, "therapist_style": T}
"""Predictors at one SD below and above the mean of which probabilities are computed."""
ONE = "Intercept"
UNSOLVED = "the estimating equations did not converge"


def examine(data: pd.DataFrame, members: pd.DataFrame, design: Mapping, shareable: bool) -> dict:
    """Logistic models of change classes on the predictors of the comparison.

    Parameters
    ----------
    data, members : DataFrame
        The analysis set ``clinical_change``; column ``class`` is one of :data:`ORDER`.
    design : mapping
        Its description, with ``change``: method, criterion, event, cut.
    shareable : bool
        Whether counts that could identify a person are hidden.

    Returns
    -------
    dict
        ``counts`` by class; ``models``: ``unchanged``, ``improved``, ``recovered`` (this class or a better one, by
        GEE with exchangeable working correlation), ``ordinal`` (all classes, proportional odds) and ``between`` (the
        configured event with the therapist's mean of perceived attachment added). A model that cannot be fitted has a
        ``reason``.

    Notes
    -----
    Patients below the cut-off at intake cannot recover; they are left out of ``recovered`` and, if there is a
    cut-off, of ``ordinal``. The ordinal model is a logistic model of each patient's rows "at least k" with an intercept
    for each k and independent working correlation; its standard errors are by therapist, so that a patient's own rows
    may be correlated.
    """
    asked = design["change"]
    classes = [name for name in ORDER if asked["cut"] is not None or name != "recovered"]
    level = data["class"].map({name: k for k, name in enumerate(ORDER)}).to_numpy()
    able = ~data["began_functional"].to_numpy(bool)
    counts = [int((data["class"] == name).sum()) for name in classes]
    hidden, began = hide_classes(counts, shareable), int((~able).sum())
    base = Fitter(data, members, dict(design)).base
    sample = Sample(data, components(members, data["patient"]), [P, T, *base])
    everyone = np.ones(len(data), bool)
    models = {name: sample.event(level >= ORDER.index(name), able if name == "recovered" else everyone)
              for name in classes[1:]}  # fmt: skip
    event = asked["event"]
    mean = Sample(data, sample.cluster, [P, T, P_BETWEEN, *base])
    models["between"] = mean.event(level >= ORDER.index(event), able if event == "recovered" else everyone)
    models["ordinal"] = sample.ordinal(level, able if "recovered" in classes else everyone, classes)
    few = shareable and (small(began) or small(len(data) - began))
    _hide(models, counts=any(hidden), rows=few)
    return {
        "schema": 1,
        **{key: asked[key] for key in ("event", "method", "criterion", "cut", "cut_source")},
        "n_obs": len(data),
        "n_therapists": int(data["therapist"].nunique()),
        "n_clusters": int(sample.cluster.max() + 1),
        "n_dropped": design["n_dropped"],
        "counts": {name: None if hide else n for name, n, hide in zip(classes, counts, hidden, strict=True)},
        "began_functional": None if few else began,
        "models": models,
    }


def _hide(models: Mapping[str, dict], counts: bool, rows: bool) -> None:
    """Remove numbers from which those of a small class, or of the patients left out, could be derived."""
    for name, model in models.items():
        if counts and "n_events" in model:
            model["n_events"] = None
        if rows and name in ("recovered", "ordinal", "between"):
            model["n_obs"] = None


class Sample:
    """Rows and predictors from which models of several events are fitted."""

    def __init__(self, data: pd.DataFrame, cluster: np.ndarray, terms: list[str]):
        self.cluster = cluster
        self.x = data[terms].astype(float).assign(**{ONE: 1.0})[[ONE, *terms]]

    def event(self, y: np.ndarray, rows: np.ndarray) -> dict:
        """A model of one event in some of the rows."""
        y, x, cluster = y[rows], _independent(self.x[rows]), self.cluster[rows]
        if reason := _unfit(y, x, cluster):
            return _not_estimable(len(y), reason)
        fit = fit_marginal(y, x, cluster)
        if not fit.converged:
            return _not_estimable(len(y), UNSOLVED)

        def at(term: str, value: float) -> dict[str, Mean]:
            return {"event": fit.mean({term: value})}

        return _record(fit, y, cluster, at)

    def ordinal(self, level: np.ndarray, rows: np.ndarray, classes: list[str]) -> dict:
        """A model of all classes; neighbours are taken together until each side of every cut has enough patients."""
        level, own, cluster = level[rows], self.x[rows].drop(columns=ONE), self.cluster[rows]
        cuts = [k for k in range(1, len(classes)) if min((level >= k).sum(), (level < k).sum()) >= FEWEST]
        if len(cuts) < 2:
            return _not_estimable(
                len(level), f"fewer than three classes remain if classes of fewer than {FEWEST} patients are combined"
            )
        y = np.concatenate([level >= k for k in cuts])
        ones = np.kron(np.eye(len(cuts)), np.ones((len(own), 1)))
        stacked = pd.concat([own] * len(cuts), ignore_index=True)
        heads = pd.DataFrame(ones, columns=[f"{ONE}_{classes[k]}" for k in cuts])
        x, cluster = _independent(heads.join(stacked)), np.tile(cluster, len(cuts))
        if reason := _unfit(y, x, cluster):
            return _not_estimable(len(level), reason)
        fit = fit_marginal(y, x, cluster, exchangeable=False)
        if not fit.converged:
            return _not_estimable(len(level), UNSOLVED)

        def at(term: str, value: float) -> dict[str, Mean]:
            n, zero = len(own), np.zeros(x.shape[1])
            above = [fit.mean({term: value}, slice(c * n, (c + 1) * n)) for c in range(len(cuts))]
            ends = [Mean(1.0, zero), *above, Mean(0.0, zero)]
            return {name: one - other for name, one, other in zip(_merged(cuts, classes), ends, ends[1:], strict=False)}

        return _record(fit, level >= cuts[0], cluster, at) | {"classes": _merged(cuts, classes)}


def _merged(cuts: list[int], classes: list[str]) -> list[str]:
    """Names of the classes between the cuts, from the worst."""
    edges = [0, *cuts, len(classes)]
    return [" or ".join(classes[a:b]) for a, b in pairwise(edges)]


def _independent(x: pd.DataFrame) -> pd.DataFrame:
    """Columns that are no combination of those before them; one-valued ones go with the intercept."""
    kept: list[str] = []
    for name in x.columns:
        if np.linalg.matrix_rank(x[[*kept, name]].to_numpy()) > len(kept):
            kept.append(name)
    return x[kept]


def _unfit(y: np.ndarray, x: pd.DataFrame, cluster: np.ndarray) -> str | None:
    """Why a model cannot be fitted; None where it can."""
    sizes = np.unique(cluster, return_counts=True)[1]
    clusters = x.groupby(cluster)
    between = int((clusters.max() == clusters.min()).all().sum())
    if min(y.sum(), (~y).sum()) < FEWEST:
        return f"fewer than {FEWEST} patients {'had the event' if y.sum() < FEWEST else 'did not have the event'}"
    if absent := [term for term in TESTED.values() if term not in x]:
        return f"{label(absent[0])} is a linear combination of the covariates"
    if len(sizes) < between + 2:
        return f"there are too few therapists ({len(sizes)}, or groups of therapists who share patients)"
    whose = "one therapist (or group of therapists who share patients) has"
    if sizes.max() > LARGEST:
        return f"{whose} more than {LARGEST:,} rows"
    if sizes.max() > 0.5 * len(y):
        return f"{whose} more than half of the patients"
    if separated(y, x.to_numpy()):
        return "the predictors separate patients with and without the event, so that no finite estimate exists"
    return None


def _not_estimable(n: int, reason: str) -> dict:
    return {"estimable": False, "reason": reason, "n_obs": n}


def _record(fit: Marginal, y: np.ndarray, cluster: np.ndarray, at) -> dict:
    """What is kept of a model; ``at`` gives mean probabilities with one predictor at a value."""
    effects = {name: fit.effect(name) for name in fit.robust.names}
    fixed = [{"term": name, **e.record(), "p": e.p_two_sided()} for name, e in effects.items()]
    probabilities, differences = [], []
    for name, term in TESTED.items():
        low, high = at(term, -1.0), at(term, 1.0)
        for kind in low:
            head = {"predictor": name, "class": kind}
            probabilities += [head | {"at": v} | fit.probability(m[kind]) for v, m in ((-1, low), (1, high))]
            difference = fit.difference(high[kind] - low[kind])
            differences.append(head | difference.record() | {"p": difference.p_two_sided()})
    rarer = int(min(y.sum(), (~y).sum()))
    warnings = []
    if rarer < PER_TERM * (len(effects) - 1):
        warnings.append(
            f"fewer than {PER_TERM} patients per coefficient in the smaller group (with or without the event)"
        )
    if min(effects[term].df for term in TESTED.values()) < LOW_DF:
        warnings.append(f"fewer than {LOW_DF:g} degrees of freedom, so that p values are approximate")
    return {
        "estimable": True,
        "n_obs": len(y),
        "n_events": int(y.sum()),
        "n_clusters": len(np.unique(cluster)),
        "correlation": fit.correlation,
        "fixed": fixed,
        "probabilities": probabilities,
        "differences": differences,
        "warnings": warnings,
    }
