"""Studies with sessions by the thousand: patients' means of many studies at once, fits side by side.

Patients' means of all studies are made together, by the function that a run's are made by. Where everyone has one
therapist the models are fitted side by side too, as in ``many``. The first studies of a cell go the way of every study,
which gives the same numbers to rounding.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from bowlby.compare.verdict import Effect, claim_negligible
from bowlby.design.frame import Patients, patients
from bowlby.simulate.batched_models import Studies
from bowlby.simulate.many import M1, Z_W, Analysis, with_slope
from bowlby.simulate.session_bed import CASES, Case, session_config, session_study
from bowlby.simulate.session_claims import known_variances, session_claims, without_baseline
from bowlby.simulate.testbed import DELTA, Replicate, size

ROWS = 25_000
"""Patients of the studies that are analysed together."""


def session_studies(
    name: str, design: str, seed: int, numbers: Iterable[int], beside: int = 0, delta: float = DELTA
) -> pd.DataFrame:
    """Analyse simulated studies with sessions of one case and design.

    Parameters
    ----------
    name : str
        One of :data:`bowlby.simulate.session_bed.CASES`.
    design : str
        Therapists times average patients, such as ``48x12``.
    seed : int
    numbers : iterable of int
        Which studies; each draws from its own address, whoever analyses it.
    beside : int
        Studies below this number are analysed alone and have the model of the single sessions too.
    delta : float
        Equivalence bound.

    Returns
    -------
    DataFrame
        One row a study, as of :func:`bowlby.simulate.session_claims.session_claims`.
    """
    case, numbers = CASES[name], list(numbers)
    alone = [n for n in numbers if n < beside or case.scenario.switching]
    rest = [n for n in numbers if n not in set(alone)]
    rows = [session_claims(name, design, seed, n, delta, beside=n < beside) for n in alone]
    therapists, average = size(design)
    step = max(1, int(ROWS / (therapists * average)))
    for start in range(0, len(rest), step):
        part = rest[start : start + step]
        rows += [session_claims(name, design, seed, n, delta) if row is None else row
                 for n, row in zip(part, _together(case, design, seed, part, delta))]  # fmt: skip
    return pd.DataFrame(rows)


def _together(case: Case, design: str, seed: int, numbers: list[int], delta: float) -> list[dict | None]:
    """Rows of studies; None for one that has to be analysed alone."""
    primary, perceived = _rows(case, design, seed, numbers)
    found = Analysis(primary, perceived)
    oracle = found.oracle(known_variances(case), delta)
    extra = _unadjusted(primary, delta) if without_baseline(case) else [{}] * len(numbers)
    addresses = [Replicate(case.scenario, design, seed, number) for number in numbers]
    rows = [found.study(address, k, delta)[0] for k, address in enumerate(addresses)]
    return [row and row | more | other for row, more, other in zip(rows, oracle, extra)]


def _unadjusted(rows: Studies, delta: float) -> list[dict]:
    """T without therapists' mean before the landmark, as :mod:`bowlby.simulate.session_claims` in one study."""
    model = with_slope(rows, "y", [name for name in M1 if name != "pre_b"], "a_star_w")
    effects = [Effect(*map(float, values)) for values in model.fit().effect(model.vector({"s_star": 1.0}))]
    return [{"T_unadjusted": t.estimate, "C3_unadjusted": claim_negligible(t, delta)["verdict"]} for t in effects]


def _rows(case: Case, design: str, seed: int, numbers: list[int]) -> tuple[Studies, Studies]:
    """The analysis sets of all studies, by the rules of :func:`bowlby.design.primary.analysis_set`."""
    found = landmark_means(case, design, seed, numbers)
    code, labels = pd.factorize(found.episodes.set_index("patient")["therapist"].reindex(found.frame.index))
    study, therapist = np.array([[int(part) for part in label.split("T")] for label in labels]).T[:, code]
    frame = found.frame.reset_index(drop=True)
    asked = frame[["pre", "a_star", "s_star", "z_star"]].notna().all(axis=1).to_numpy()
    sets = []
    for outcome, keep in (("y", asked & frame["y"].notna().to_numpy()), ("a_star", asked)):
        rows, kept = Studies(study[keep], therapist[keep], size(design)[0]), frame[keep]
        style = kept["s_star"].to_numpy()
        rows.columns |= {outcome: kept[outcome].to_numpy(), "s_star": style - rows.of_studies(style)}
        split = ["pre", "a_star"] if outcome == "y" else ["pre", "z_star", *(z.removesuffix("_w") for z in Z_W)]
        for column in split:
            rows.split(column, kept[column].to_numpy())
        sets.append(rows)
    return sets[0], sets[1]


def landmark_means(case: Case, design: str, seed: int, numbers: list[int]) -> Patients:
    """Patients' means of several studies, by the function that a run's are made by; ids begin with the study's place.

    Reference SDs are given in the configuration, so that no study is measured by another's patients.
    """
    tables, people = {}, {}
    for place, number in enumerate(numbers):
        seeds = Replicate(case.scenario, design, seed, number).entropy()
        for kept, drawn in zip((tables, people), session_study(case, design, seeds, prefix=f"{place:04}")):
            for name, table in drawn.items():
                kept.setdefault(name, []).append(table)
    scores, persons = ({name: pd.concat(parts, ignore_index=True) for name, parts in kept.items()}
                       for kept in (tables, people))  # fmt: skip
    return patients(session_config(), scores, persons)
