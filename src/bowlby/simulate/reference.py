"""The population a study is drawn from, as its scored questionnaires show it."""

from __future__ import annotations

import functools

import numpy as np

from bowlby.simulate import items as forms
from bowlby.simulate.latent import (
    STYLE,
    W_PERCEIVED,
    W_STYLE,
    Latent,
    composite,
    generator,
    latent_study,
    normal_draws,
    perceived_correlation,
    references,
)
from bowlby.simulate.scenarios import Scenario
from bowlby.simulate.scenarios import scenario as find

SEED = 1_000_003
GAIN, SPREAD = 1.15, 1.2
"""How far the average patient improves on the PHQ-9, and how much patients differ after treatment, in SDs at intake."""
ALLIANCE = 0.80
"""Correlation of each alliance scale with perceived security; its square is below the .80 of the scales together."""
ALLIANCE_OUTCOME = 0.30
"""Correlation of what alliance scales share beside security with the residual of outcome: association, no effect."""


def phq9(better: np.ndarray, rng: np.random.Generator, treated: bool = False) -> dict[int, np.ndarray]:
    """PHQ-9 answers, before treatment or after, from a latent of SD 1 on which higher is better."""
    worse = -SPREAD * better - GAIN if treated else -better
    return forms.answer(forms.PHQ9, {"total": worse}, rng)


def latent_alliance(rng: np.random.Generator, latent: Latent) -> dict[str, np.ndarray]:
    """Alliance by WAI-SR scale: r = .80 with perceived security, scales r = .80 with each other."""
    n = len(latent.residual)
    common = ALLIANCE_OUTCOME * latent.residual + np.sqrt(1 - ALLIANCE_OUTCOME**2) * rng.standard_normal(n)
    shared = ALLIANCE * latent.perceived[:, 0] + np.sqrt(0.80 - ALLIANCE**2) * common
    return {name: shared + np.sqrt(0.20) * rng.standard_normal(n) for name in forms.WAI_SR}


def by_scale(scales, values: np.ndarray) -> dict[str, np.ndarray]:
    """Columns of a latent matrix under their scales' names."""
    return {name: values[:, k] for k, name in enumerate(scales)}


def _scores(scales, latent: dict[str, np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """Sums of items, a column a scale."""
    answers = forms.answer(scales, latent, rng)
    return np.column_stack([forms.total(scale, answers) for scale in scales.values()])


@functools.lru_cache(maxsize=16)
def _population(scenario: Scenario, therapists: int, patients: int) -> dict:
    first = np.repeat(np.arange(therapists), patients)
    latent = latent_study(scenario, SEED, first, first, np.ones(len(first)))
    rng, known = generator(SEED, "items"), references(scenario)
    pre, post = (
        forms.total(forms.PHQ9["total"], phq9(values, rng, treated))
        for values, treated in ((latent.pre, False), (latent.outcome, True))
    )
    cats = _scores(forms.CATS, by_scale(forms.CATS, latent.perceived), rng)
    rng = generator(SEED, "therapist_items")
    own = _scores(forms.ECR_S_THERAPIST, by_scale(forms.ECR_S_THERAPIST, latent.style), rng)
    drawn = normal_draws(rng, known["therapist_style"], therapists * patients)
    norm = _scores(forms.ECR_S_THERAPIST, by_scale(forms.ECR_S_THERAPIST, drawn), rng)
    patient = _scores(
        forms.ECR_S_PATIENT, by_scale(forms.ECR_S_PATIENT, latent.patient_style), generator(SEED, "patient_items")
    )
    alliance = latent_alliance(generator(SEED, "alliance"), latent)
    wai = _scores(forms.WAI_SR, alliance, generator(SEED, "alliance_items"))
    wai = np.column_stack([wai, wai.sum(axis=1)])

    def split(x):
        mean = x.reshape(therapists, patients).mean(axis=1)[first]
        return x - mean, mean

    def slopes(before):
        """Of the baseline within therapists, of perceived attachment within therapists and of style."""
        design = np.column_stack([np.ones(len(first)), *split(before), split(a_star)[0], s_star[first]])
        return np.linalg.lstsq(design, -post, rcond=None)[0][[1, 3, 4]]

    sd_y = pre.std()
    a_star = composite(cats / cats.std(axis=0), W_PERCEIVED, np.corrcoef(cats.T))
    s_star = composite(own / norm.std(axis=0), W_STYLE, np.corrcoef(norm.T))
    scored, true = slopes(-pre), slopes(latent.pre)
    return {
        "patients": therapists * patients,
        "therapists": therapists,
        "outcome_sd": float(sd_y),
        "outcome_mean": {"intake": float(pre.mean()), "termination": float(post.mean())},
        "outcome_sd_termination": float(post.std()),
        "perceived": _norms(list(forms.CATS), cats),
        "therapist_style": _norms(list(forms.ECR_S_THERAPIST), norm),
        "patient_style": _norms(list(forms.ECR_S_PATIENT), patient),
        "alliance": _norms([*forms.WAI_SR, "total"], wai),
        "P": float(scored[1] / sd_y),
        "T": float(scored[2] / sd_y),
        "pre_slope": float(scored[0]),
        "baseline_without_error": {"P": float(true[1] / sd_y), "T": float(true[2] / sd_y)},
        "reliability": {
            "intake": _shared(pre, latent.pre),
            "termination": _shared(post, latent.outcome),
            "perceived": _shared(a_star, composite(latent.perceived, W_PERCEIVED, perceived_correlation(scenario))),
            "therapist_style": _shared(s_star, composite(latent.style, W_STYLE, STYLE)),
        },
    }


def _shared(score: np.ndarray, latent: np.ndarray) -> float:
    """Share of a score's variance that its latent variable accounts for."""
    return float(np.corrcoef(score, latent)[0, 1] ** 2)


def _norms(names: list[str], scores: np.ndarray) -> dict:
    r = np.atleast_2d(np.corrcoef(scores.T))
    pairs = [(a, b) for a in range(len(names)) for b in range(a + 1, len(names))]
    return {
        "mean": dict(zip(names, scores.mean(axis=0).tolist(), strict=True)),
        "sd": dict(zip(names, scores.std(axis=0).tolist(), strict=True)),
        "correlations": [{"scales": [names[a], names[b]], "r": float(r[a, b])} for a, b in pairs],
    }


def reference_population(scenario: str | Scenario, therapists: int = 16_667, patients: int = 12) -> dict:
    """Values of a large population made by the same generator, without faults, with a fixed seed of its own.

    Parameters
    ----------
    scenario : str or Scenario
    therapists, patients : int
        Size; the default is 200 004 patients.

    Returns
    -------
    dict
        ``outcome_sd`` (scored PHQ-9 at intake), ``perceived``, ``therapist_style``, ``patient_style`` (means, SDs and
        correlations of the scored scales, sums of items), and ``P``, ``T``: slopes of the scored outcome
        (higher = better) on the scored registered composites with the scored intake, per reference SD.
        Items attenuate; the outcome's SD after treatment is larger than at intake, in which it is counted; and because
        the scored intake misses part of the latent one, with which perceived attachment correlates, P is larger than
        with the latent intake (``baseline_without_error``). A study's estimates aim at ``P`` and ``T``.
        ``reliability``: squared correlations of the scores with their latent variables.
    """
    return _population(find(scenario), therapists, patients)


def reference_config(reference: dict) -> dict:
    """The part of a reference population that ``comparison.reference`` of a run's file takes."""
    return {
        "outcome_sd": round(reference["outcome_sd"], 4),
        **{
            side: {
                "sd": {k: round(v, 4) for k, v in reference[side]["sd"].items()},
                "correlations": [
                    {"scales": list(c["scales"]), "r": round(c["r"], 4)} for c in reference[side]["correlations"]
                ],
            }
            for side in ("perceived", "therapist_style", "patient_style", "alliance")
        },
    }
