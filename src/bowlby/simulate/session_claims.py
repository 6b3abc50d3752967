"""The claims of simulated studies with sessions, what the oracle supports, and the model of the single sessions."""

from __future__ import annotations

from bowlby.compare.verdict import ALPHA, Effect, claim_more, claim_negligible, claim_perceived
from bowlby.design.frame import AnalysisSet, patients
from bowlby.design.primary import analysis_set
from bowlby.design.sessions import session_set
from bowlby.fit.models import Fitter
from bowlby.simulate.oracle import _Gls
from bowlby.simulate.session_bed import CASES, Case, session_config, session_study
from bowlby.simulate.session_truth import effective, session_variances
from bowlby.simulate.testbed import DELTA, Replicate, _decided

CONTRASTS = {"P": [1, 0], "T": [0, 1], "P-T": [1, -1], "P+T": [1, 1]}


def session_claims(name: str, design: str, seed: int, number: int, delta: float = DELTA, beside: bool = False) -> dict:
    """Draw and analyse one study with sessions.

    Parameters
    ----------
    name : str
        One of :data:`bowlby.simulate.session_bed.CASES`.
    design : str
        Therapists times average patients, such as ``48x12``.
    seed, number : int
        With name and design the address of the study's draws.
    delta : float
        Equivalence bound.
    beside : bool
        Fit the model of the single sessions too.

    Returns
    -------
    dict
        As of :func:`bowlby.simulate.testbed.study_claims`; ``oracle_C1`` to ``oracle_C5``, what the oracle supports;
        with `beside` ``sessions_C1`` to ``sessions_C3``, verdicts by the model of the single sessions, and its
        estimates and intervals (``sessions_P``, ``sessions_P_low``, ``sessions_P_high`` and so on).
    """
    case = CASES[name]
    address = Replicate(case.scenario, design, seed, number)
    run, (scores, people) = session_config(delta), session_study(case, design, address.entropy())
    found = patients(run, scores, people)
    primary, perceived = (analysis_set(run, found, people, one) for one in ("primary", "perceived"))
    row = _decided(address, primary, perceived, delta)[0] | oracle_supports(case, primary, perceived, delta)
    return row | (_beside(session_set(run, scores, people, [""]), delta) if beside else {})


def oracle_supports(case: Case, primary: AnalysisSet, perceived: AnalysisSet, delta: float) -> dict[str, bool]:
    """What the oracle of patients' means supports.

    As :func:`bowlby.simulate.oracle.oracle_claims`, with the true variance ratios of the means. Patients' residuals
    have their average variance: that means of few sessions vary more is left out of the models and of the oracle alike.

    Returns
    -------
    dict of bool
        By ``oracle_`` and the claim.
    """
    own, other = session_variances(effective(case.scenario) if case.compensated else case.scenario)
    df = primary.membership["therapist"].nunique() - 3
    m1 = _Gls(primary, ["a_star_w", "s_star", "pre_w", "pre_b"], own)
    effect = {name: m1.effect(weights, df) for name, weights in CONTRASTS.items()}
    scales = [f"z_{scale}" for scale in perceived.design["scaling"]["z"]["scales"]]
    within, between = ([f"{scale}_{part}" for scale in scales] for part in "wb")
    df = perceived.membership["therapist"].nunique() - 3 - len(between)
    a = _Gls(perceived, ["s_star", *within, *between, "pre_w", "pre_b"], other)
    found = verdicts(effect, delta) | {"C4": claim_negligible(a.effect([1], df), delta, "T_A")["verdict"]}
    supported = {f"oracle_{claim}": verdict == "supported" for claim, verdict in found.items()}
    return supported | {"oracle_C5": a.joint_p(slice(1, 1 + len(within)), df) < ALPHA}


def _beside(rows: AnalysisSet, delta: float) -> dict:
    """Verdicts and intervals by the model of the single sessions."""
    fitter = Fitter(rows.data, rows.membership, rows.design)
    record = fitter.sessions()["sessions"].record
    effect = {c["name"]: Effect(c["estimate"], c["se"], c["df"]) for c in record["contrasts"]}
    found = {f"sessions_{claim}": verdict for claim, verdict in verdicts(effect, delta).items()}
    for name in CONTRASTS:
        low, high = effect[name].limits(0.975)
        found |= {f"sessions_{name}": effect[name].estimate, f"sessions_{name}_low": low, f"sessions_{name}_high": high}
    return found


def verdicts(effect: dict[str, Effect], delta: float) -> dict[str, str]:
    """Verdicts of the claims that M1 decides, from P, T, P-T and P+T."""
    claims = {
        "C1": claim_perceived(effect["P"], delta),
        "C2": claim_more(effect["P-T"], effect["P+T"]),
        "C3": claim_negligible(effect["T"], delta),
    }
    return {name: claim["verdict"] for name, claim in claims.items()}
