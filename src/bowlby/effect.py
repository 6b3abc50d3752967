"""An estimate with its standard error and degrees of freedom: its limits, p values and equivalence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import scipy  # its parts are imported where they are used


@dataclass(frozen=True)
class Effect:
    """An estimate with its standard error and degrees of freedom, in outcome SD per reference SD."""

    estimate: float
    se: float
    df: float

    def limits(self, q: float) -> tuple[float, float]:
        """One-sided lower and upper limits, each at level ``q``."""
        half = float(scipy.special.stdtrit(self.df, q)) * self.se
        return self.estimate - half, self.estimate + half

    def p_two_sided(self) -> float:
        """Two-sided p of the hypothesis that the effect is 0."""
        return 2 * min(self.p_above(0), self.p_below(0))

    def record(self) -> dict:
        """As it is kept: estimate, se, df, 95% interval and 90% interval."""
        limits = {"ci": list(self.limits(0.975)), "ci90": list(self.limits(0.95))}
        return {"estimate": self.estimate, "se": self.se, "df": self.df, **limits}

    def within(self, delta: float) -> bool:
        """True where the 90% interval lies inside (-delta, delta): equivalence by two one-sided tests."""
        low, high = self.limits(0.95)
        return -delta < low and high < delta

    def p_above(self, value: float) -> float:
        """One-sided p of the hypothesis that the effect is at most ``value``."""
        return float(scipy.special.stdtr(self.df, (value - self.estimate) / self.se))

    def p_equivalence(self, delta: float) -> float:
        """p of the equivalence test: the larger of its two one-sided tests."""
        return max(self.p_above(-delta), self.p_below(delta))

    def p_below(self, value: float) -> float:
        """One-sided p of the hypothesis that the effect is at least ``value``."""
        return float(scipy.special.stdtr(self.df, (self.estimate - value) / self.se))


def effects_of(contrasts: Iterable[Mapping]) -> dict[str, Effect]:
    """Contrasts of a kept fit by name."""
    return {c["name"]: Effect(c["estimate"], c["se"], c["df"]) for c in contrasts}
