"""One simulated study through the product's own models and decision rules.

A study here is the latent scales themselves, without questionnaires: the claims are tested as in a run, from the
analysis sets on. Each study's numbers depend on (seed, scenario, design, replicate) alone.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bowlby import terms
from bowlby.compare.claims import decide_claims
from bowlby.config.run import Block, Comparison, Outcome, Run
from bowlby.design.composite import Scaling, composite
from bowlby.design.frame import AnalysisSet, Patients
from bowlby.design.primary import analysis_set
from bowlby.effect import Effect
from bowlby.errors import existing
from bowlby.fit.models import claims_fits
from bowlby.simulate.latent import Latent, latent_study, references
from bowlby.simulate.scenarios import Scenario, scenario

DELTA = 0.10
SCALES = {"perceived": ("secure", "avoidant", "preoccupied"),
          "therapist_style": ("anxiety", "avoidance"), "patient_style": ("anxiety", "avoidance")}  # fmt: skip
WEIGHTS = {"perceived": (1.0, -1.0, -1.0), "therapist_style": (-1.0, -1.0), "patient_style": (-1.0, -1.0)}


@dataclass(frozen=True)
class StudyAddress:
    """Address of one simulated study."""

    scenario: str | Scenario
    design: str
    seed: int
    number: int

    @property
    def name(self) -> str:
        """Id of the scenario."""
        return scenario(self.scenario).id

    def entropy(self) -> int:
        """Seed of the study's draws."""
        words = (self.seed, zlib.crc32(self.name.encode()), zlib.crc32(self.design.encode()), self.number)
        return int(np.random.SeedSequence(words).generate_state(1)[0])


def size(design: str) -> tuple[int, float]:
    """Therapists and average patients of a design such as ``48x12``."""
    therapists, patients = design.split("x")
    return int(therapists), float(patients)


def run_config(delta: float = DELTA) -> Run:
    """The configuration that the studies are analysed by."""
    blocks = {
        name: Block(instrument="latent", weights=dict(zip(scales, WEIGHTS[name], strict=True)))
        for name, scales in SCALES.items()
    }
    comparison = Comparison(**blocks, delta=delta)
    outcome = Outcome(instrument="latent", pre="pre", post="post", higher_is_better=True)
    return Run(run="validation", study="none", outcome=outcome, comparison=comparison)


@dataclass(frozen=True)
class Drawn:
    """A simulated study as it is drawn.

    Attributes
    ----------
    first, second : ndarray of int, shape (n,)
        Therapist at the start and at the end.
    share : ndarray, shape (n,)
        Share of the sessions given by the first.
    moved : ndarray of bool, shape (n,)
    latent : Latent
    outcome : ndarray, shape (n,)
        NaN where the patient dropped out.
    """

    first: np.ndarray
    second: np.ndarray
    share: np.ndarray
    moved: np.ndarray
    latent: Latent
    outcome: np.ndarray


def drawn(case: Scenario, design: str, seed: int) -> Drawn:
    """Draw a study, unbalanced as in a clinic.

    Parameters
    ----------
    case : Scenario
    design : str
        Therapists times average patients, such as ``48x12``.
    seed : int

    Returns
    -------
    Drawn
    """
    therapists, average = size(design)
    rng = np.random.default_rng(np.random.SeedSequence((seed, 0)))
    load = np.clip(rng.poisson(rng.gamma(6.0, average / 6.0, therapists)), 2, None)
    first = np.repeat(np.arange(therapists), load)
    n = len(first)
    second, share = first.copy(), np.ones(n)
    moved = rng.random(n) < case.switching
    second[moved] = (first[moved] + rng.integers(1, therapists, moved.sum())) % therapists
    share[moved] = rng.integers(4, 13, moved.sum()) / 16.0
    latent = latent_study(case, seed, first, second, share)
    outcome = latent.outcome
    if case.dropout:
        outcome = np.where(rng.random(n) < 1 / (1 + np.exp(1.5 + case.dropout * outcome)), np.nan, outcome)
    return Drawn(first, second, share, moved, latent, outcome)


def simulated_patients(case: Scenario, design: str, seed: int) -> Patients:
    """Draw a study's patients; arguments as of :func:`drawn`."""
    return patients_of(case, drawn(case, design, seed), size(design)[0])


def patients_of(case: Scenario, draw: Drawn, therapists: int) -> Patients:
    """Patients of a drawn study, as a run makes them from scores."""
    latent, share, moved = draw.latent, draw.share, draw.moved
    first, second, n = draw.first, draw.second, len(draw.first)
    names = np.array([f"P{i:05}" for i in range(n)], dtype=object)  # quicker to look up than Arrow strings
    label = np.array([f"T{j:04}" for j in range(therapists)], dtype=object)
    episodes = pd.DataFrame({
        "patient": pd.Series(np.concatenate([names, names[moved]]), dtype=object),
        "therapist": pd.Series(np.concatenate([label[first], label[second[moved]]]), dtype=object),
        "weight": np.concatenate([share, 1 - share[moved]]),
    })  # fmt: skip
    config = existing(run_config().comparison)
    scaling = {name: Scaling(list(SCALES[name]), np.ones(len(SCALES[name])), correlation, "reference")
               for name, correlation in references(case).items()}  # fmt: skip
    columns = {"baseline": latent.pre, "y": draw.outcome}
    if latent.unit is not None:
        columns["unit"] = np.char.add("G", latent.unit.astype(str))
    seen = share[:, None] * latent.style[first] + (1 - share[:, None]) * latent.style[second]
    for name, values in zip(SCALES, (latent.perceived, seen, latent.patient_style), strict=True):
        table = pd.DataFrame(values, columns=list(SCALES[name]))
        columns[name] = composite(table, getattr(config, name), scaling[name])
        columns |= {terms.column(name, scale): values[:, k] for k, scale in enumerate(SCALES[name])}
    frame = pd.DataFrame(columns, index=pd.Index(names, dtype=object, name="patient"))
    style = pd.DataFrame(latent.style, columns=list(SCALES["therapist_style"]), index=label)
    own = composite(style, config.therapist_style, scaling["therapist_style"])
    return Patients(frame, episodes, scaling, 1.0, pd.Series(own, label))


def analysis_sets(case: Scenario, draw: Drawn, therapists: int) -> tuple[AnalysisSet, AnalysisSet]:
    """Analysis sets of a drawn study, for outcome and for perceived attachment as the outcome."""
    run, patients = run_config(), patients_of(case, draw, therapists)
    people = {"therapists": pd.DataFrame({"therapist": patients.style.index})}
    return analysis_set(run, patients, people, "primary"), analysis_set(run, patients, people, "perceived")


def study_claims(
    address: StudyAddress, primary: AnalysisSet, perceived: AnalysisSet, delta: float = DELTA
) -> tuple[dict, dict[str, dict]]:
    """Analyse one simulated study.

    Parameters
    ----------
    address : StudyAddress
    primary, perceived : AnalysisSet
    delta : float
        Equivalence bound.

    Returns
    -------
    row : dict
        scenario, design, number; verdict of C1 to C5; estimate, limits of the 95% interval (``_low``, ``_high``) and
        standard error (``_se``) of P, T, P-T, P+T, T_A, Z; singular.
    claims : dict of dict
        As the rules return them.
    """
    contrasts, singular = claims_fits(primary, perceived)
    effect = {name: Effect(c["estimate"], c["se"], c["df"]) for name, c in contrasts.items()}
    return claims_row(address, effect, singular, delta)


def claims_row(
    address: StudyAddress, effect: dict[str, Effect], singular: bool, delta: float
) -> tuple[dict, dict[str, dict]]:
    """A study's row, and its claims as the rules return them, from its effects."""
    claims = decide_claims(effect, delta)
    row = {"scenario": address.name, "design": address.design, "number": address.number}
    row |= {name: claim["verdict"] for name, claim in claims.items()}
    for name in ("P", "T", "P-T", "P+T", "T_A", "Z"):
        low, high = effect[name].limits(0.975)
        row |= {name: effect[name].estimate, f"{name}_low": low, f"{name}_high": high, f"{name}_se": effect[name].se}
    return row | {"singular": singular}, claims
