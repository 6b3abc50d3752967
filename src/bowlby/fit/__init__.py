"""Models of a run and their fits as files; here, which models are fitted to which analysis set."""

from __future__ import annotations

from bowlby.terms import MEDIATION

SETS = {
    "primary": ["m0", "m_p", "m_t", "primary", "m1b", "m2", "severity", "m0_ml", "m_p_ml", "m_t_ml", "primary_ml"],
    "perceived": ["c4", "c5"],
    "early": ["early_m1", "early"],
    "sessions": ["sessions"],
    "alliance": ["alliance_m1", "alliance_joint", "alliance_alone", "alliance_scales"],
    "mentalizing": ["mentalizing_m1", "mentalizing_joint", "mentalizing_alone", "mentalizing_scales"],
    "pair": ["pair", "pair_scales"],
    "growth": ["growth", "growth_between", "growth_within"],
    "clinical_change": [],
    "style_transitions": [],
    "session_to_session": ["lagged_none", "lagged_mean", "lagged_patient", "centred_outcome", "centred_predictor"],
}
SETS |= {name: [f"{name}_{letter}" for letter in "abc"] for name in MEDIATION}


def models_of(name: str, absent: set[str]) -> list[str]:
    """Models fitted to an analysis set, without those for which nothing was asked."""
    return [m for m in SETS.get(name, [name]) if m not in absent]
