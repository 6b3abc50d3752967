"""Worlds in which a claim could err: what is true there, and whether a corrected row or a warning shows the error."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.special import ndtr

from bowlby.compare import significant
from bowlby.design.composite import sd_error
from bowlby.design.frame import AnalysisSet
from bowlby.effect import Effect
from bowlby.estimands.measurement import COLUMNS, measurement
from bowlby.estimands.sensitivity import curved_baseline, curved_style, slopes_by_caseload, unequal_spread
from bowlby.fit.models import Fitter, standardised
from bowlby.simulate.batched_analysis import Analysis, LatentStudies
from bowlby.simulate.latent import (
    STYLE,
    W_PERCEIVED,
    W_STYLE,
    composite,
    composite_scales,
    references,
    residual_variance,
)
from bowlby.simulate.scenarios import ICC_Y, Scenario
from bowlby.simulate.study_analysis import (
    DELTA,
    Drawn,
    StudyAddress,
    analysis_sets,
    decide_claims,
)
from bowlby.terms import M1, M1_RANDOM, P_BETWEEN, P, T, error_of
from validation.batched_corrections import corrected_effects, moments_of_studies, sample_effects

PRE_LOADING = 0.138
"""Loading of perceived attachment on the baseline with which the two correlate at .25 within therapists."""
CURVE = 0.106
CLINICS, IN_CLINIC, ALIKE = 0.02, 6, 0.3
"""Variance of outcome between clinics, therapists of a clinic, and their correlation of style."""


@dataclass(frozen=True)
class World(Scenario):
    """A scenario in which the model of the comparison does not hold.

    Attributes
    ----------
    baseline, attachment, style : float
        Reliability of the baseline and of the composites; errors are added to values of SD 1.
    norms : bool
        Whether the population's SDs are known; otherwise the sample's are used.
    caseload : float
        By how much P rises with the logarithm of the therapist's caseload.
    curve : float
        Slope of outcome on the square of style.
    spread : float
        Slope of the log residual SD on style.
    attachment_spread : float
        Slope of the log residual SD on perceived attachment within therapists.
    clinics : float
        Variance of outcome between clinics of six therapists, which share .3 of the variance of style.
    skewness : float
        Variance of outcome between therapists that is exponential, as style then is.
    baseline_curve : float
        By how much outcome and perceived attachment each depend on the square of the baseline, in SD.
    direction : float
        SD between therapists of the slope of perceived attachment on patients' anxiety less avoidance.
    leaving : float
        Chance that a patient has no outcome whose therapist is below the mean of security and whose outcome is below
        its mean.
    leaving_at_random : float
        Chance that any patient has no outcome.
    warning : str
        The warning that is counted; ``all`` for those that need no missing outcomes.
    """

    baseline: float = 1.0
    attachment: float = 1.0
    style: float = 1.0
    norms: bool = True
    caseload: float = 0.0
    curve: float = 0.0
    spread: float = 0.0
    attachment_spread: float = 0.0
    clinics: float = 0.0
    skewness: float = 0.0
    baseline_curve: float = 0.0
    direction: float = 0.0
    leaving: float = 0.0
    leaving_at_random: float = 0.0
    warning: str = ""

    @property
    def clean(self) -> bool:
        """Whether the model holds, so that a warning is false."""
        return self.id in ("clean", "leaving-random")


def _world(name: str, what: str, p: float = 0.0, t: float = 0.0, c5: bool = True, **more) -> World:
    return World(name, p, t, what, (p > 0, p > abs(t), abs(t) < DELTA, True, c5), **more)


WORLDS = {world.id: world for world in (
    _world("clean", "the model holds; nothing predicts", warning="all"),
    _world("baseline85", "baseline with reliability .85", baseline=0.85),
    _world("baseline85-slopes", "baseline with reliability .85; slopes differ, SD .15", baseline=0.85, slope_sd=0.15),
    _world("baseline85-switching", "baseline with reliability .85; 5% of patients change therapist", baseline=0.85,
           switching=0.05),
    _world("baseline70", "baseline with reliability .70", baseline=0.70),
    _world("baseline70-equal", "baseline with reliability .70; P = T = .2", 0.2, 0.2, baseline=0.70),
    _world("style50", "reliability of attachment .95, of style .50; P = T = .2", 0.2, 0.2, attachment=0.95, style=0.50),
    _world("attachment64", "reliability of attachment .64, of style .90; P = T = .2", 0.2, 0.2, attachment=0.64,
           style=0.90),
    _world("no-norms", "standard deviations of the sample; P = T = .2", 0.2, 0.2, norms=False),
    _world("direction", "slopes of patients' style differ along anxiety less avoidance, SD .20", c5=False, own=0.0,
           direction=0.2),
    _world("caseload", "P rises by .15 with the logarithm of caseload; average therapist's P = 0", caseload=0.15,
           warning="caseload"),
    _world("curve", "outcome depends on style in a curve", icc=ICC_Y - 2 * CURVE**2, curve=CURVE,
           warning="curve"),
    _world("spread", "residual SD depends on style", spread=0.4, warning="spread"),
    _world("attachment-spread", "residual SD depends on perceived attachment", attachment_spread=0.3),
    _world("clinics", "therapists of a clinic resemble each other in style and outcome; P = T = .1", 0.1, 0.1,
           icc=ICC_Y - CLINICS, clinics=CLINICS),
    _world("skewed", "style and differences between therapists are skewed; P = T = .1", 0.1, 0.1, icc=0.02,
           skewness=ICC_Y - 0.02),
    _world("baseline-curve", "outcome and perceived attachment depend on the baseline in a curve", baseline_curve=0.2,
           warning="baseline_curve"),
    _world("leaving", "22% of insecure therapists' patients who do badly have no outcome; T = .10", 0.2, 0.10,
           leaving=0.22, warning="leaving"),
    _world("leaving-random", "5.5% of patients have no outcome, at random; T = 0", 0.2, leaving_at_random=0.055,
           warning="leaving"),
)}  # fmt: skip


def altered(world: World, draw: Drawn, seed: int) -> Drawn:
    """A drawn study with what the world adds to it."""
    rng = np.random.default_rng(np.random.SeedSequence((seed, 202)))
    latent, first = draw.latent, draw.first
    scales, therapists = composite_scales(world), len(latent.style)
    of_style = STYLE @ W_STYLE / np.sqrt(W_STYLE @ STYLE @ W_STYLE)
    secure = composite(latent.style, W_STYLE, STYLE)
    perceived, outcome, style, pre = latent.perceived, draw.outcome, latent.style, latent.pre
    if world.baseline < 1:
        perceived = perceived + PRE_LOADING * pre[:, None] * scales
        outcome = outcome + world.p * PRE_LOADING * pre
        pre = pre + _error(world.baseline, len(pre), rng)
    if world.caseload:
        load = np.bincount(first, minlength=therapists)
        felt, log = composite(perceived, W_PERCEIVED, references(world)["perceived"]), np.log(load)
        within = felt - (np.bincount(first, felt, therapists) / load)[first]
        outcome = outcome + world.caseload * (log - log.mean())[first] * within
    if world.curve:
        outcome = outcome + world.curve * (secure**2 - 1)[first]
    if world.spread:
        factor = np.exp(world.spread * secure - world.spread**2)[first]
        outcome = outcome + np.sqrt(residual_variance(world)) * latent.residual * (factor - 1)
    if world.clinics or world.skewness:
        if world.clinics:
            clinic = np.arange(therapists) // IN_CLINIC
            shared = rng.standard_normal((2, clinic[-1] + 1))
            now = np.sqrt(1 - ALIKE) * secure + np.sqrt(ALIKE) * shared[0, clinic]
            differences = np.sqrt(world.clinics) * shared[1, clinic]
        else:  # style: the exponential of the same rank
            now = -np.log(ndtr(-secure)) - 1
            differences = np.sqrt(world.skewness) * (rng.standard_exponential(therapists) - 1)
        style = style + (now - secure)[:, None] * of_style
        outcome = outcome + (world.t * (now - secure) + differences)[first]
    if world.attachment_spread:
        felt = composite(perceived, W_PERCEIVED, references(world)["perceived"])
        load = np.bincount(first, minlength=therapists)
        within = felt - (np.bincount(first, felt, therapists) / load)[first]
        factor = np.exp(world.attachment_spread * within - world.attachment_spread**2)
        outcome = outcome + np.sqrt(residual_variance(world)) * latent.residual * (factor - 1)
    if world.baseline_curve:
        square = world.baseline_curve * (pre**2 - 1) / np.sqrt(2)
        perceived, outcome = perceived + square[:, None] * scales, outcome + square
    if world.direction:
        own = latent.patient_style @ [1.0, -1.0] / np.sqrt(2 - 2 * STYLE[0, 1])
        slope = world.direction * rng.standard_normal(therapists)
        perceived = perceived + (slope[first] * own)[:, None] * scales
    if world.leaving:
        bad = (secure[first] < 0) & (outcome < 0)
        outcome = np.where(bad & (rng.random(len(first)) < world.leaving), np.nan, outcome)
    if world.leaving_at_random:
        outcome = np.where(rng.random(len(first)) < world.leaving_at_random, np.nan, outcome)
    perceived = perceived + _error(world.attachment, len(first), rng)[:, None] * scales
    style = style + _error(world.style, therapists, rng)[:, None] * of_style
    return replace(draw, latent=replace(latent, perceived=perceived, style=style, pre=pre), outcome=outcome)


def _error(reliability: float, n: int, rng: np.random.Generator) -> np.ndarray:
    return np.sqrt(_error_variance(reliability)) * rng.standard_normal(n)


def _error_variance(reliability: float) -> float:
    return (1 - reliability) / reliability


class WorldStudies(LatentStudies):
    """Studies of a world; keeps the draws of the last batch."""

    def __init__(self, case: World):
        super().__init__(case)
        self.world = case
        self.kept: list[tuple[StudyAddress, Drawn]] = []

    def draw(self, address: StudyAddress) -> Drawn:
        draw = altered(self.world, super().draw(address), address.entropy())
        self.kept.append((address, draw))
        return draw

    def batch(self, addresses: list[StudyAddress]):
        self.kept = []
        return super().batch(addresses)

    def single(self, address: StudyAddress):
        self.kept = []
        return super().single(address)


class WorldValidator:
    """Adds to a study's row whether a decision is wrong; the verdicts and intervals of the corrected rows
    (``baseline_C1``, ``all_T_low`` …); and, of the first studies and of all with a wrong decision, whether the world's
    warning is given (``warned_caseload``, ``warned_curve``, ``warned_spread``, ``warned_leaving``).

    Parameters
    ----------
    source : WorldStudies
    checked : int
        How many studies have the warning whatever was decided and, where patients change therapist, the corrected row.
    delta : float
        Equivalence bound.
    """

    def __init__(self, source: WorldStudies, checked: int, delta: float = DELTA):
        self.source, self.world, self.checked, self.delta = source, source.world, checked, delta

    def batch(self, analysis: Analysis, claims: list[dict | None]) -> list[dict]:
        """Of studies that were analysed together, whose claims are None where they could not be."""
        kept = self.source.kept
        rows = corrected_together(self.world, analysis, kept, self.delta)
        return [self._row(*of, claim, row) if claim else {}
                for of, claim, row in zip(kept, claims, rows, strict=True)]  # fmt: skip

    def single(self, primary: AnalysisSet, perceived: AnalysisSet, claims: dict[str, dict]) -> dict:
        """Of a study that was analysed alone."""
        of, draw = self.source.kept[-1]
        row = corrected(self.world, draw, primary, self.delta) if of.number < self.checked else {}
        return self._row(of, draw, claims, row, primary)

    def _row(
        self, address: StudyAddress, draw: Drawn, claims: dict, row: dict, primary: AnalysisSet | None = None
    ) -> dict:
        wrong, sampled = erred(self.world, claims), address.number < self.checked
        row = {"wrong": wrong, "sampled": sampled, **row}
        if not (self.world.warning and (wrong or sampled)):
            return row
        return row | self._warned(primary or analysis_sets(self.world, draw, len(draw.latent.style))[0])

    def _warned(self, primary: AnalysisSet) -> dict[str, bool]:
        """The world's own warning; in the clean world, all that can be given there."""
        fitter = Fitter(primary.data, primary.membership, primary.design)
        tests = {
            "caseload": lambda: significant(slopes_by_caseload(fitter)["test"]),
            "curve": lambda: significant(curved_style(fitter)),
            "spread": lambda: significant(unequal_spread(fitter.fit(M1, M1_RANDOM), fitter.data)),
            "baseline_curve": lambda: curved_baseline(fitter.fit(M1, M1_RANDOM), fitter)["matters"],
            "leaving": lambda: significant(primary.design["missing_outcomes"]),
        }
        names = (
            ("caseload", "curve", "spread", "baseline_curve") if self.world.warning == "all" else (self.world.warning,)
        )
        return {f"warned_{name}": tests[name]() for name in names}


def erred(world: World, claims: dict[str, dict]) -> bool:
    """Whether a claim is decided against the truth, or the 95% interval of P or of T misses it."""
    low, high = claims["C1"]["ci"]
    below, above = claims["C3"]["ci"]
    if not (low <= world.p <= high and below <= world.t <= above):
        return True
    return any(claims[name]["verdict"] == ("refuted" if true else "supported")
               for name, true in zip(claims, world.claims, strict=True))  # fmt: skip


def known_errors(world: World) -> dict[str, float]:
    """Error variances that the corrected row takes out, by variable: the baseline's, or all where P or T has some."""
    every = {"baseline": world.baseline, "perceived": world.attachment, "therapist_style": world.style}
    known = every if min(world.attachment, world.style) < 1 else {"baseline": world.baseline}
    return {name: _error_variance(of) for name, of in known.items()} if min(known.values()) < 1 else {}


def corrected_together(
    world: World, analysis: Analysis, kept: list[tuple[StudyAddress, Drawn]], delta: float
) -> list[dict]:
    """As :func:`corrected`, of studies that were analysed together."""
    errors = known_errors(world)
    if not world.norms:
        found = sample_effects(analysis, [sample_values(world, draw) for _, draw in kept])
        return [_decided("sample", effects, delta) for effects in found]
    if not errors:
        return [{} for _ in kept]
    name = "all" if len(errors) > 1 else "baseline"
    return [_decided(name, corrected_effects(of, errors, name), delta)
            for of in moments_of_studies(analysis, slopes=name == "baseline")]  # fmt: skip


def sample_values(world: World, draw: Drawn) -> dict[str, np.ndarray]:
    """What the sample's SDs are taken of."""
    latent, r = draw.latent, references(world)
    return {"y": latent.pre, "perceived": composite(latent.perceived, W_PERCEIVED, r["perceived"]),
            "therapist_style": composite(latent.style, W_STYLE, r["therapist_style"])}  # fmt: skip


def corrected(world: World, draw: Drawn, primary: AnalysisSet, delta: float) -> dict:
    """Verdicts of C1 to C3 and intervals of P and T: without errors of measurement, with the sample's SDs."""
    data, design, errors = primary.data.copy(), dict(primary.design), known_errors(world)
    if world.norms and not errors:
        return {}
    for name in COLUMNS:
        data[error_of(name)] = errors.get(name, np.nan)
    design["reliability_from"] = {name: "configuration" if name in errors else None for name in COLUMNS}
    if not world.norms:
        values = sample_values(world, draw)
        data[[P, P_BETWEEN]] /= values["perceived"].std(ddof=1)
        data[T] /= values["therapist_style"].std(ddof=1)
        design |= {"sd_outcome": values["y"].std(ddof=1),
                   "sd_error": {name: sd_error(pd.Series(of)) for name, of in values.items()}}  # fmt: skip
    fitter = Fitter(data, primary.membership, design)
    result = fitter.fit(M1, M1_RANDOM)
    if not world.norms:
        return _decided("sample", _effects({c["name"]: c for c in standardised(result, design)}), delta)
    name = "all" if len(errors) > 1 else "baseline"
    row = measurement(result, fitter)["rows"][name]
    return _decided(name, row and _effects(row), delta)


def _effects(row: dict[str, dict]) -> dict[str, Effect]:
    return {name: Effect(c["estimate"], c["se"], c["df"]) for name, c in row.items()}


def _decided(name: str, effects: dict[str, Effect] | None, delta: float) -> dict:
    """Columns of a row that could be computed."""
    if not effects:
        return {}
    found = {f"{name}_{claim}": c["verdict"] for claim, c in decide_claims(effects, delta).items()}
    for effect in ("P", "T"):
        low, high = effects[effect].limits(0.975)
        found |= {f"{name}_{effect}_low": low, f"{name}_{effect}_high": high}
    return found
