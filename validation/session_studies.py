"""Studies with sessions through the product's landmark: means of patients' sessions, models and decision rules.

A patient's true levels are those of ``latent``: perceived attachment, the outcome before and, from the landmark on, the
outcome after. Sessions measure them with variation of their own. A study is the tables of session scores, which go
through the functions that a run's scores go through.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.special import ndtr

from bowlby.compare.claims import claim_negligible, decide_claims
from bowlby.config.blocks import Block, Correlation, ReferenceBlock
from bowlby.config.run import Comparison, Outcome, Reference, Run
from bowlby.design.frame import AnalysisSet, Patients, patients
from bowlby.design.primary import analysis_set
from bowlby.design.sessions import session_set
from bowlby.effect import Effect
from bowlby.fit.models import Fitter
from bowlby.simulate.batched_analysis import M1, OWN_SCALES, Analysis, analysed, with_slope
from bowlby.simulate.batched_models import Studies
from bowlby.simulate.latent import (
    STYLE,
    W_STYLE,
    composite,
    generator,
    latent_study,
    perceived_correlation,
    references,
)
from bowlby.simulate.scenarios import SCENARIOS, Scenario
from bowlby.simulate.study_analysis import DELTA, SCALES, WEIGHTS, StudyAddress, size
from bowlby.terms import BASELINE, P, T
from validation.oracle import OracleValidator
from validation.scenario_checks import effects
from validation.session_truth import (
    CARRY,
    FEWEST,
    LANDMARK,
    MISSING,
    MOST,
    NOISE,
    STATE,
    STAY,
    TREND,
    effective,
    measured,
    session_variances,
)

CELLS = ("S0", "S1", "S2", "S4", "S10", "S14", "S17a", "S17b")
"""Scenarios of the validation with sessions."""
NAMES = {"perceived": "felt", "therapist_style": "style", "patient_style": "own"}


@dataclass(frozen=True)
class Case:
    """What is true of a study's sessions.

    Attributes
    ----------
    scenario : Scenario
    from_start : bool
        The therapist's part of the outcome is there in all sessions, not only after the landmark.
    compensated : bool
        The true level's slope makes up for errors of measurement, so that the observed slope is the scenario's.
    """

    scenario: Scenario
    from_start: bool = False
    compensated: bool = True


def _named(of: str, name: str, what: str, **changed) -> Scenario:
    return replace(SCENARIOS[of], id=name, what=what, **changed)


CASES = {case.scenario.id: case for case in (
    *(Case(SCENARIOS[name]) for name in CELLS),
    Case(_named("S0", "S0-raw", "as S0, but nothing makes up for the error in the outcome up to the landmark"),
         compensated=False),
    Case(SCENARIOS["S3"]),
    Case(_named("S3", "S3-start", "as S3; the therapist's part is there from the first session on"), from_start=True),
    Case(_named("S14", "S14-start", "as S14; the therapist's part is there from the first session on"),
         from_start=True),
    Case(_named("S3", "S3-switch", "as S3; 30% of patients change therapist", switching=0.30)),
)}  # fmt: skip
"""The scenarios of the validation, and variants that show what the landmark does."""
VARIANTS = tuple(name for name in CASES if name not in CELLS)


class SessionStudies:
    """Studies with sessions of one case; a :class:`bowlby.simulate.batched_analysis.Source`."""

    patients = 25_000

    def __init__(self, case: Case):
        self.case, self.together = case, not case.scenario.switching

    def batch(self, addresses: list[StudyAddress]) -> tuple[Studies, Studies]:
        """By the rules of :func:`bowlby.design.primary.analysis_set`."""
        found = landmark_means(self.case, addresses)
        code, labels = pd.factorize(found.episodes.set_index("patient")["therapist"].reindex(found.frame.index))
        study, therapist = np.array([[int(part) for part in label.split("T")] for label in labels]).T[:, code]
        frame = found.frame.reset_index(drop=True)
        complete = frame[["baseline", "perceived", "therapist_style", "patient_style"]].notna().all(axis=1).to_numpy()
        sets = []
        for outcome, keep in (("y", complete & frame["y"].notna().to_numpy()), ("perceived", complete)):
            rows, kept = Studies(study[keep], therapist[keep], size(addresses[0].design)[0]), frame[keep]
            style = kept["therapist_style"].to_numpy()
            rows.columns |= {outcome: kept[outcome].to_numpy(), "therapist_style": style - rows.of_studies(style)}
            split = ["baseline", *(["perceived"] if outcome == "y" else ["patient_style", *OWN_SCALES])]
            for column in split:
                rows.split(column, kept[column].to_numpy())
            sets.append(rows)
        return sets[0], sets[1]

    def single(self, address: StudyAddress) -> tuple[AnalysisSet, AnalysisSet]:
        run, (scores, people) = session_config(), session_study(self.case, address.design, address.entropy())
        found = patients(run, scores, people)
        return analysis_set(run, found, people, "primary"), analysis_set(run, found, people, "perceived")


class SessionValidator(OracleValidator):
    """Adds what the oracle supports and, of the variants, ``T_unadjusted`` and ``C3_unadjusted``: without therapists'
    mean outcome up to the landmark in M1.

    The oracle knows the true variances around the models of patients' means, averaged over patients: that means of few
    sessions vary more is left out of the models and of the oracle alike.
    """

    def __init__(self, case: Case, delta: float = DELTA):
        super().__init__(session_variances(drawn_scenario(case)), delta)
        self.case = case

    def batch(self, analysis: Analysis, claims: list[dict | None]) -> list[dict]:
        found = super().batch(analysis, claims)
        if self.case.scenario.id in VARIANTS:
            fits = with_slope(analysis.m1.rows, "y", [name for name in M1 if name != BASELINE[1]], P).fit()
            for row, t in zip(found, effects(fits, T), strict=True):
                verdict = claim_negligible(t, self.delta)["verdict"]
                row |= {"T_unadjusted": t.estimate, "C3_unadjusted": verdict}
        return found


def session_studies(
    name: str, design: str, seed: int, numbers: Iterable[int], with_sessions: int = 0, delta: float = DELTA
) -> pd.DataFrame:
    """Simulate and analyse studies with sessions of one case and design.

    Parameters
    ----------
    name : str
        One of :data:`CASES`.
    design : str
        Therapists times average patients, such as ``48x12``.
    seed : int
    numbers : iterable of int
        Which studies; each draws from its own address, whoever analyses it.
    with_sessions : int
        Studies below this number have the model of the single sessions too.
    delta : float
        Equivalence bound.

    Returns
    -------
    DataFrame
        One row a study, as of :func:`bowlby.simulate.batched_analysis.studies` with :class:`SessionValidator`, and as
        of :func:`single_sessions`.
    """
    case = CASES[name]
    addresses = [StudyAddress(case.scenario, design, seed, number) for number in numbers]
    rows = analysed(SessionStudies(case), addresses, delta, SessionValidator(case, delta))
    more = [single_sessions(case, one, delta) | {"number": one.number} for one in addresses
            if one.number < with_sessions]  # fmt: skip
    return rows.merge(pd.DataFrame(more), how="left", on="number") if more else rows


def single_sessions(case: Case, address: StudyAddress, delta: float = DELTA) -> dict:
    """The model of the single sessions in one study.

    Returns
    -------
    dict
        Verdicts ``sessions_C1`` to ``sessions_C3``, estimates and 95% intervals (``sessions_P``, ``sessions_P_low``,
        ``sessions_P_high``; T, P-T, P+T).
    """
    run, (scores, people) = session_config(delta), session_study(case, address.design, address.entropy())
    rows = session_set(run, scores, people, [""])
    record = Fitter(rows.data, rows.membership, rows.design).sessions()["sessions"].record
    effect = {c["name"]: Effect(c["estimate"], c["se"], c["df"]) for c in record["contrasts"]}
    found = {f"sessions_{name}": claim["verdict"] for name, claim in decide_claims(effect, delta).items()}
    for name in ("P", "T", "P-T", "P+T"):
        low, high = effect[name].limits(0.975)
        found |= {f"sessions_{name}": effect[name].estimate, f"sessions_{name}_low": low, f"sessions_{name}_high": high}
    return found


def landmark_means(case: Case, addresses: list[StudyAddress]) -> Patients:
    """Patients' means of several studies, by the function that a run's are made by; ids begin with the study's place.

    Reference SDs are given in the configuration, so that no study is measured by another's patients.
    """
    tables: dict[str, list] = {}
    people: dict[str, list] = {}
    for place, address in enumerate(addresses):
        study = session_study(case, address.design, address.entropy(), prefix=f"{place:04}")
        for kept, drawn in zip((tables, people), study, strict=True):
            for name, table in drawn.items():
                kept.setdefault(name, []).append(table)
    scores, persons = ({name: pd.concat(parts, ignore_index=True) for name, parts in kept.items()}
                       for kept in (tables, people))  # fmt: skip
    return patients(session_config(), scores, persons)


def drawn_scenario(case: Case) -> Scenario:
    """What is true of the levels that sessions measure."""
    return effective(case.scenario) if case.compensated else case.scenario


def session_config(delta: float = DELTA) -> Run:
    """The configuration that the studies are analysed by: the landmark after session 5, all SDs known."""
    blocks = {
        side: Block(instrument=name, about="therapist" if side == "perceived" else "self",
                    weights=dict(zip(SCALES[side], WEIGHTS[side], strict=True)),
                    sessions=LANDMARK if side == "perceived" else None)
        for side, name in NAMES.items()
    }  # fmt: skip
    known = references(SCENARIOS["S1"])  # the same in all cases
    norms = Reference(outcome_sd=1.0, **{name: _norms(name, known[name]) for name in SCALES})
    comparison = Comparison(**blocks, delta=delta,
                            reference=norms)  # fmt: skip
    outcome = Outcome(instrument="core", after=LANDMARK, higher_is_better=True)
    return Run(run="validation", study="none", outcome=outcome, comparison=comparison)


def _norms(side: str, correlation: np.ndarray) -> ReferenceBlock:
    scales = SCALES[side]
    pairs = [Correlation(scales=(scales[i], scales[j]), r=correlation[i, j])
             for i in range(len(scales)) for j in range(i)]  # fmt: skip
    return ReferenceBlock(sd=dict.fromkeys(scales, 1.0), correlations=pairs)


def session_study(
    case: Case, design: str, seed: int, prefix: str = ""
) -> tuple[dict[str, pd.DataFrame], dict[str, pd.DataFrame]]:
    """Draw a study with sessions.

    Parameters
    ----------
    case : Case
    design : str
        Therapists times average patients, such as ``48x12``.
    seed : int
    prefix : str
        Begins all ids.

    Returns
    -------
    scores : dict of DataFrame
        By instrument: ``core`` (outcome, every session), ``felt`` (perceived attachment, sessions up to the landmark),
        ``style`` (therapists), ``own`` (patients' style).
    people : dict of DataFrame
        ``patients``, ``therapists``, ``episodes`` (weight: share of the patient's sessions).
    """
    found = drawn_scenario(case)
    therapists, average = size(design)
    rng = np.random.default_rng(np.random.SeedSequence((seed, 101)))
    load = np.clip(rng.poisson(rng.gamma(6.0, average / 6.0, therapists)), 2, None)
    first = np.repeat(np.arange(therapists), load)
    n = len(first)
    latent = latent_study(found, seed, first, first, np.ones(n))
    decides = STAY * latent.pre + np.sqrt(1 - STAY**2) * rng.standard_normal(n)
    sessions = FEWEST + np.floor(ndtr(decides) * (MOST - FEWEST + 1)).astype(int)
    number = np.arange(1, MOST + 1)
    with_first, second = sessions.copy(), first.copy()
    moved = rng.random(n) < found.switching
    second[moved] = (first[moved] + rng.integers(1, therapists, moved.sum())) % therapists
    with_first[moved] = rng.integers(1, sessions[moved])
    other = latent_study(found, seed, second, second, np.ones(n)) if moved.any() else latent
    later = number > with_first[:, None]  # sessions that the second therapist gave
    level = np.where(later, other.outcome[:, None], latent.outcome[:, None])
    before = latent.pre[:, None]
    if case.from_start:
        part = _therapists(found, seed, latent.style)
        before = before + np.where(later, part[second][:, None], part[first][:, None])
    outcome = np.where(number > LANDMARK, level, before) + TREND * number + _carried(rng, n)
    felt = np.where(later[:, :LANDMARK, None], other.perceived[:, None], latent.perceived[:, None])
    state = rng.standard_normal((n, LANDMARK, 3)) @ np.linalg.cholesky(STATE * perceived_correlation(found)).T
    felt = np.sqrt(measured()) * (felt + state)
    answered = (number <= sessions[:, None]) & (rng.random((n, MOST)) >= MISSING)
    names = np.array([f"{prefix}P{i:05}" for i in range(n)], dtype=object)
    labels = np.array([f"{prefix}T{j:04}" for j in range(therapists)], dtype=object)
    giver = np.where(later, second[:, None], first[:, None])
    who, when = np.nonzero(answered)
    core = _table(names[who], "patient", "self", when + 1, {"total": outcome[who, when]})
    core["therapist"] = _column(labels[giver[who, when]])
    who, when = np.nonzero(answered[:, :LANDMARK])
    scores = {
        "core": core,
        "felt": _table(names[who], "patient", "therapist", when + 1, _by_scale("perceived", felt[who, when])),
        "style": _table(labels, "therapist", "self", None, _by_scale("therapist_style", latent.style)),
        "own": _table(names, "patient", "self", None, _by_scale("patient_style", latent.patient_style)),
    }
    share = with_first / sessions
    episodes = pd.DataFrame({
        "patient": _column(np.concatenate([names, names[moved]])),
        "therapist": _column(np.concatenate([labels[first], labels[second[moved]]])),
        "weight": np.concatenate([share, 1 - share[moved]]),
    })  # fmt: skip
    people = {"patients": pd.DataFrame({"patient": _column(names)}),
              "therapists": pd.DataFrame({"therapist": _column(labels)}), "episodes": episodes}  # fmt: skip
    return scores, people


def _therapists(found: Scenario, seed: int, style: np.ndarray) -> np.ndarray:
    """Therapists' parts of the outcome, as :func:`bowlby.simulate.latent.latent_study` draws them."""
    differences = generator(seed, "outcome").standard_normal(len(style))
    return found.t * composite(style, W_STYLE, STYLE) + np.sqrt(found.tau2) * differences


def _carried(rng: np.random.Generator, n: int) -> np.ndarray:
    """Variation of the outcome from session to session, autoregressive of order 1."""
    noise = np.sqrt(NOISE) * rng.standard_normal((n, MOST))
    for k in range(1, MOST):
        noise[:, k] = CARRY * noise[:, k - 1] + np.sqrt(1 - CARRY**2) * noise[:, k]
    return noise


def _by_scale(side: str, values: np.ndarray) -> dict[str, np.ndarray]:
    return dict(zip(SCALES[side], values.T, strict=True))


def _table(person: np.ndarray, role: str, about: str, session: np.ndarray | None, scales: dict) -> pd.DataFrame:
    """A table of scores."""
    number = pd.array([pd.NA] * len(person) if session is None else session, dtype="Int64")
    same = {"role": role, "about": about, "occasion": ""}
    none = np.zeros(len(person), np.int8)
    key = {name: pd.Categorical.from_codes(none, [value]) for name, value in same.items()}
    return pd.DataFrame({"person": _column(person), **key, "session": number} | scales)


def _column(values: np.ndarray) -> pd.Series:
    """Text as objects, which are quicker to look up than Arrow strings."""
    return pd.Series(values, dtype=object)
