"""Standard errors of sample-standardised slopes, including the uncertainty of the SDs."""

from __future__ import annotations

from collections.abc import Mapping

from bowlby.effect import Effect

Values = tuple[float, float, float]
"""Estimate, standard error, degrees of freedom."""
SIZES = {"P": ("y", "perceived"), "T": ("y", "therapist_style"), "T_A": ("perceived", "therapist_style"),
         "Z": ("perceived", "patient_style"), "first": ("y", "first"), "second": ("y", "second"),
         **dict.fromkeys(("P_slope", "P_end"), ("y", "perceived")),
         **dict.fromkeys(("T_slope", "T_end"), ("y", "therapist_style"))}  # fmt: skip
"""Contrast: the SDs that it is counted in."""
PAIRS = {f"{one}{sign}{other}": (one, other) for sign in "-+"
         for one, other in (("P", "T"), ("first", "second"), ("P_slope", "T_slope"))}  # fmt: skip
"""Difference or sum: the two slopes."""


def with_sd_error(effects: Mapping[str, Values], errors: dict[str, dict]) -> dict[str, Values]:
    """Effects whose standard errors allow for the estimation of the SDs that they are counted in.

    Parameters
    ----------
    effects : mapping of tuple
        Estimate, standard error and df as the model has them for known SDs, by the names of :data:`SIZES` and
        :data:`PAIRS`; others stay as they are.
    errors : dict of dict
        ``sd_error`` of an analysis set: ``variance`` of the logarithm of each SD and its ``df``, by
        variable (``y``: the outcome); empty where norms are given.

    Returns
    -------
    dict of tuple

    Notes
    -----
    The slope b per SD of the population is ``b s_x / s_y``, so by the delta method
    ``V(P) += P^2 (V(ln s_a) + V(ln s_y))``; the difference and the sum share s_y. Degrees of freedom by Satterthwaite.
    """
    return {name: _wider(values, _sizes(name, effects), errors) for name, values in effects.items()}


def standardised(contrasts: list[dict], errors: dict[str, dict]) -> list[dict]:
    """The same of contrasts as they are kept; ``se_known_sd`` and ``df_known_sd`` are the model's own."""
    values = {c["name"]: (c["estimate"], c["se"], c["df"]) for c in contrasts}
    wider, out = with_sd_error(values, errors), []
    for c in contrasts:
        estimate, se, df = wider[c["name"]]
        effect = Effect(estimate, se, df)
        low, high = effect.limits(0.975)
        out.append(c | {"se": se, "df": df, "t": estimate / se, "p": effect.p_two_sided(),
                        "ci_low": low, "ci_high": high,
                        "se_known_sd": c["se"], "df_known_sd": c["df"]})  # fmt: skip
    return out if errors else contrasts


def _sizes(name: str, effects: Mapping[str, Values]) -> dict[str, float]:
    """By variable: derivative of a contrast by the logarithm of its SD, up to the sign."""
    if name in SIZES:
        return dict.fromkeys(SIZES[name], effects[name][0])
    if name in PAIRS:
        return {"y": effects[name][0], **{SIZES[one][1]: effects[one][0] for one in PAIRS[name]}}
    return {}


def _wider(values: Values, sizes: dict[str, float], errors: dict[str, dict]) -> Values:
    estimate, se, df = values
    added = [(size**2 * errors[side]["variance"], errors[side]["df"]) for side, size in sizes.items() if side in errors]
    if not added:
        return values
    terms = [(se**2, df), *added]
    total = sum(variance for variance, _ in terms)
    return estimate, total**0.5, total**2 / sum(variance**2 / df for variance, df in terms)
