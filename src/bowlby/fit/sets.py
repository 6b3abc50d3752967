"""Which models are fitted to which analysis set."""

from __future__ import annotations

SETS = {
    "primary": ["m0", "m_p", "m_t", "primary", "m1b", "m2", "severity", "m0_ml", "m_p_ml", "m_t_ml", "primary_ml"],
    "perceived": ["c4", "c5"],
    "early": ["early_m1", "early"],
    "sessions": ["sessions"],
    "alliance": ["alliance_m1", "alliance_joint", "alliance_alone"],
    "mentalizing": ["mentalizing_m1", "mentalizing_joint", "mentalizing_alone"],
    "pair": ["pair", "pair_scales"],
    "growth": ["growth"],
}


def models_of(name: str, patient_style: bool) -> list[str]:
    """Models fitted to an analysis set."""
    return [m for m in SETS[name] if m != "c5" or patient_style]
