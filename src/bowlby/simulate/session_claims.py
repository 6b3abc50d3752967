"""The claims of simulated studies with sessions, what the oracle supports, and the model of the single sessions."""

from __future__ import annotations

from bowlby.compare.verdict import Effect, claim_more, claim_negligible, claim_slope
from bowlby.design.frame import AnalysisSet, patients
from bowlby.design.primary import analysis_set
from bowlby.design.sessions import session_set
from bowlby.fit.models import SLOPE, Fitter
from bowlby.fit.record import contrast
from bowlby.simulate.oracle import oracle_claims
from bowlby.simulate.session_bed import CASES, CELLS, Case, session_config, session_study
from bowlby.simulate.session_truth import effective, session_variances
from bowlby.simulate.testbed import DELTA, Replicate, decided
from bowlby.simulate.truth import Variances

CONTRASTS = ("P", "T", "P-T", "P+T")


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
        of the variants ``T_unadjusted`` and ``C3_unadjusted``, without therapists' mean before the landmark in M1;
        with `beside` ``sessions_C1`` to ``sessions_C3``, verdicts by the model of the single sessions, and its
        estimates and intervals (``sessions_P``, ``sessions_P_low``, ``sessions_P_high`` and so on).
    """
    case = CASES[name]
    address = Replicate(case.scenario, design, seed, number)
    run, (scores, people) = session_config(delta), session_study(case, design, address.entropy())
    found = patients(run, scores, people)
    primary, perceived = (analysis_set(run, found, people, one) for one in ("primary", "perceived"))
    row = decided(address, primary, perceived, delta)[0]
    row |= oracle_claims(known_variances(case), primary, perceived, delta)
    if without_baseline(case):
        row |= _unadjusted(primary, delta)
    return row | (_beside(session_set(run, scores, people, [""]), delta) if beside else {})


def without_baseline(case: Case) -> bool:
    """Whether T is tried without the adjustment for therapists' mean before the landmark: in the variants."""
    return case.scenario.id not in CELLS and not case.scenario.switching


def _unadjusted(primary: AnalysisSet, delta: float) -> dict:
    """T and the verdict of C3 without therapists' mean outcome up to the landmark in the model."""
    fitter = Fitter(primary.data.drop(columns="pre_b"), primary.membership, primary.design)
    t = contrast(fitter.fit(["a_star_w", "s_star"], SLOPE), "T", {"s_star": 1.0})
    verdict = claim_negligible(Effect(t["estimate"], t["se"], t["df"]), delta)["verdict"]
    return {"T_unadjusted": t["estimate"], "C3_unadjusted": verdict}


def known_variances(case: Case) -> tuple[Variances, Variances]:
    """True variances around the models of patients' means.

    Patients' residuals have their average variance: that means of few sessions vary more is left out of the models and
    of the oracle alike.
    """
    return session_variances(effective(case.scenario) if case.compensated else case.scenario)


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
        "C1": claim_slope(effect["P"], delta, "P"),
        "C2": claim_more(effect["P-T"], effect["P+T"]),
        "C3": claim_negligible(effect["T"], delta),
    }
    return {name: claim["verdict"] for name, claim in claims.items()}
