"""The population a study is drawn from, as its scored questionnaires show it."""

from __future__ import annotations

import functools

import numpy as np

from bowlby.simulate import items as forms
from bowlby.simulate.latent import W_PERCEIVED, W_STYLE, composite, generator, latent_study, normal_draws
from bowlby.simulate.scenarios import Scenario
from bowlby.simulate.scenarios import scenario as find
from bowlby.simulate.truth import references

SEED = 1_000_003
GAIN = 0.95
"""How far the average patient improves on the PHQ-9, in latent SDs."""


def phq9(better: np.ndarray, rng: np.random.Generator, gain: float = 0.0) -> dict[int, np.ndarray]:
    """PHQ-9 answers from a latent on which higher is better; ``gain`` is the average improvement."""
    return forms.answer(forms.PHQ9, {"total": -better - gain}, rng)


def latent_alliance(rng: np.random.Generator, secure: np.ndarray) -> dict[str, np.ndarray]:
    """Alliance by WAI-SR scale: r = .76 with perceived security, scales r = .80 with each other."""
    common = rng.standard_normal(len(secure))
    shared = 0.76 * secure + np.sqrt(0.80 - 0.76**2) * common
    return {name: shared + np.sqrt(0.20) * rng.standard_normal(len(secure)) for name in forms.WAI_SR}


def by_scale(scales, values: np.ndarray) -> dict[str, np.ndarray]:
    """Columns of a latent matrix under their scales' names."""
    return {name: values[:, k] for k, name in enumerate(scales)}


@functools.lru_cache(maxsize=16)
def _population(scenario: Scenario, therapists: int, patients: int) -> dict:
    first = np.repeat(np.arange(therapists), patients)
    latent = latent_study(scenario, SEED, first, first, np.ones(len(first)))
    rng = generator(SEED, "items")
    pre = forms.total(forms.PHQ9["total"], phq9(latent.pre, rng))
    post = forms.total(forms.PHQ9["total"], phq9(latent.outcome, rng, GAIN))
    answers = forms.answer(forms.CATS, by_scale(forms.CATS, latent.perceived), rng)
    cats = np.column_stack([forms.total(s, answers) for s in forms.CATS.values()])
    rng = generator(SEED, "therapist_items")
    answers = forms.answer(forms.ECR_S_THERAPIST, by_scale(forms.ECR_S_THERAPIST, latent.style), rng)
    ecr = np.column_stack([forms.total(s, answers) for s in forms.ECR_S_THERAPIST.values()])
    norm = normal_draws(rng, references(scenario)["s"], therapists * patients)
    answers = forms.answer(forms.ECR_S_THERAPIST, by_scale(forms.ECR_S_THERAPIST, norm), rng)
    norm = np.column_stack([forms.total(s, answers) for s in forms.ECR_S_THERAPIST.values()])
    rng = generator(SEED, "patient_items")
    answers = forms.answer(forms.ECR_S_PATIENT, by_scale(forms.ECR_S_PATIENT, latent.patient_style), rng)
    patient = np.column_stack([forms.total(s, answers) for s in forms.ECR_S_PATIENT.values()])
    alliance = forms.answer(forms.WAI_SR, latent_alliance(generator(SEED, "alliance"), latent.perceived[:, 0]),
                            generator(SEED, "alliance_items"))
    wai = np.column_stack([forms.total(s, alliance) for s in forms.WAI_SR.values()])
    wai = np.column_stack([wai, wai.sum(axis=1)])

    sd_y = pre.std()
    a_star = composite(cats / cats.std(axis=0), W_PERCEIVED, np.corrcoef(cats.T))
    s_star = composite(ecr / norm.std(axis=0), W_STYLE, np.corrcoef(norm.T))[first]

    def split(x):
        mean = x.reshape(therapists, patients).mean(axis=1)[first]
        return x - mean, mean

    pre_w, pre_b = split(-pre)
    design = np.column_stack([np.ones(len(first)), pre_w, pre_b, split(a_star)[0], s_star])
    slopes = np.linalg.lstsq(design, -post, rcond=None)[0]
    return {
        "patients": therapists * patients,
        "therapists": therapists,
        "outcome_sd": float(sd_y),
        "outcome_mean": {"intake": float(pre.mean()), "termination": float(post.mean())},
        "perceived": _norms(list(forms.CATS), cats),
        "therapist_style": _norms(list(forms.ECR_S_THERAPIST), norm),
        "patient_style": _norms(list(forms.ECR_S_PATIENT), patient),
        "alliance": _norms([*forms.WAI_SR, "total"], wai),
        "P": float(slopes[3] / sd_y),
        "T": float(slopes[4] / sd_y),
        "pre_slope": float(slopes[1]),
    }


def _norms(names: list[str], scores: np.ndarray) -> dict:
    r = np.atleast_2d(np.corrcoef(scores.T))
    pairs = [(a, b) for a in range(len(names)) for b in range(a + 1, len(names))]
    return {"mean": dict(zip(names, scores.mean(axis=0).tolist(), strict=True)),
            "sd": dict(zip(names, scores.std(axis=0).tolist(), strict=True)),
            "correlations": [{"scales": [names[a], names[b]], "r": float(r[a, b])} for a, b in pairs]}


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
        Items attenuate, so these are nearer to 0 than the latent P and T; and because the scored intake
        misses part of the latent one, with which perceived attachment correlates, P is about .007 where the
        latent P is 0. A study's estimates aim at these.
    """
    return _population(find(scenario), therapists, patients)


def reference_config(reference: dict) -> dict:
    """The part of a reference population that ``comparison.reference`` of a run's file takes."""
    return {"outcome_sd": round(reference["outcome_sd"], 4),
            **{side: {"sd": {k: round(v, 4) for k, v in reference[side]["sd"].items()},
                      "correlations": [{"scales": list(c["scales"]), "r": round(c["r"], 4)}
                                       for c in reference[side]["correlations"]]}
               for side in ("perceived", "therapist_style", "patient_style", "alliance")}}
