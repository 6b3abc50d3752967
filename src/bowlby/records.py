"""What a run wrote, as records with types: fits, verdict and claims, the comparison, designs of analysis sets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd

from bowlby.effect import Effect
from bowlby.errors import UserError, problem

EFFECTS = ("P", "T", "P-T", "P+T")
VARIANCE = ("group", "term", "term2", "variance_or_cov", "sd_or_corr")
NUMBERS = ("estimate", "se", "df", "t", "p", "ci_low", "ci_high")


@dataclass(frozen=True, eq=False)
class Record(Mapping[str, Any]):
    """A file of a run: attributes with types; by key what the file itself holds, `source` (``docs/outputs.md``)."""

    source: Mapping[str, Any] = field(repr=False)

    def __getitem__(self, key: str) -> Any:
        return self.source[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.source)

    def __len__(self) -> int:
        return len(self.source)


@dataclass(frozen=True)
class Estimate:
    """An estimate with its test against 0.

    Attributes
    ----------
    name : str
        A fixed effect, or a contrast such as ``P-T``.
    estimate, se, ci_low, ci_high : float
        In the unit of the record that it belongs to; 95% interval unless another level was given.
    df, t, p : float
        Degrees of freedom, t = estimate / se, two-sided p. NaN where not defined.
    weights : dict of str to float
        Of the fixed effects in a contrast; empty where not kept.
    """

    name: str
    estimate: float
    se: float
    df: float
    t: float
    p: float
    ci_low: float
    ci_high: float
    weights: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, record: Mapping[str, Any], name: str) -> Estimate:
        """Of a record with ``ci_low`` and ``ci_high``, or with ``ci``."""
        low, high = record.get("ci") or (record.get("ci_low"), record.get("ci_high"))
        estimate, se, df, t, p = (_float(record.get(key)) for key in NUMBERS[:5])
        return cls(name, estimate, se, df, t, p, _float(low), _float(high), dict(record.get("weights") or {}))


@dataclass(frozen=True)
class JointTest:
    """F test that several fixed effects are 0: F, numerator and denominator df, p."""

    name: str
    terms: tuple[str, ...]
    f: float
    df_num: float
    df_den: float
    p: float

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> JointTest:
        """Of one of a fit's ``blocks``."""
        f, df_num, df_den, p = (_float(record[key]) for key in ("f", "df_num", "df_den", "p"))
        return cls(record["name"], tuple(record["terms"]), f, df_num, df_den, p)


@dataclass(frozen=True)
class VarianceComponent:
    """A variance between the levels of a group with its SD; or, of two terms, a covariance with its correlation."""

    group: str
    term: str
    term2: str | None
    variance_or_cov: float
    sd_or_corr: float


@dataclass(frozen=True, eq=False)
class Fit(Record):
    """A fitted model, ``fits/<model>.json``; tested further without fitting it again.

    Attributes
    ----------
    model : str
    coefficients : dict of str to Estimate
        Fixed effects by term, outcome units per unit of the term.
    contrasts : dict of str to Estimate
        Those the run tested, by name, in SD of outcome per SD of the predictor. Where the unit is the sample's own SD,
        standard errors allow for its estimation.
    tests : dict of str to JointTest
    variances : tuple of VarianceComponent
        Outcome units squared; the residual variance is `residual_variance`.
    covariance : DataFrame (p, p)
        Of the fixed effects, (X'V^-1 X)^-1.
    covariance_adjusted : DataFrame (p, p) or None
        The same with Kenward and Roger's adjustment.
    df_method : str
        ``kenward-roger`` or ``satterthwaite``.
    n_obs : int
    n_levels, n_dropped : dict of str to int
        Levels of each group; rows left out, by reason.
    llf, aic : float
        (Restricted) log-likelihood, and Akaike's criterion.
    reml, singular, converged : bool
    warnings : tuple of str
    """

    model: str
    coefficients: Mapping[str, Estimate]
    contrasts: Mapping[str, Estimate]
    tests: Mapping[str, JointTest]
    variances: tuple[VarianceComponent, ...]
    residual_variance: float
    covariance: pd.DataFrame
    covariance_adjusted: pd.DataFrame | None
    df_method: str
    n_obs: int
    n_levels: Mapping[str, int]
    n_dropped: Mapping[str, int]
    llf: float
    aic: float
    reml: bool
    singular: bool
    converged: bool
    warnings: tuple[str, ...]

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Fit:
        """Of the contents of ``fits/<model>.json``."""
        return cls(
            source=record,
            model=record["model"],
            coefficients={row["term"]: Estimate.of(row, row["term"]) for row in record["fixed"]},
            contrasts={row["name"]: Estimate.of(row, row["name"]) for row in record["contrasts"]},
            tests={row["name"]: JointTest.of(row) for row in record["blocks"]},
            variances=tuple(VarianceComponent(*(row[key] for key in VARIANCE)) for row in record["random"]),
            residual_variance=record["scale"],
            covariance=_matrix(record["vcov"]),
            covariance_adjusted=_matrix(adjusted) if (adjusted := record["vcov_adjusted"]) else None,
            df_method=record["df_method"],
            n_obs=record["n_obs"],
            n_levels=record["groups"],
            n_dropped=record["n_dropped"],
            llf=record["llf"],
            aic=_float(record.get("aic")),
            reml=record["reml"],
            singular=record["singular"],
            converged=record["converged"],
            warnings=tuple(record["warnings"]),
        )

    @property
    def params(self) -> pd.Series:
        """Fixed effects (p,) by term."""
        return pd.Series({term: c.estimate for term, c in self.coefficients.items()}, name="estimate")

    def tidy(self) -> pd.DataFrame:
        """One row per fixed effect: term, estimate, se, df, t, p, ci_low, ci_high, as a new fit gives them."""
        rows = [(c.name, *(getattr(c, key) for key in NUMBERS)) for c in self.coefficients.values()]
        return pd.DataFrame(rows, columns=["term", *NUMBERS])

    def contrast(self, weights: str | Mapping[str, float], name: str = "contrast", level: float = 0.95) -> Estimate:
        """A linear combination of the fixed effects, tested against 0, from the stored covariance.

        The numbers are those of :meth:`bowlby.mixed.result.MixedResult.contrast` of the fit that was stored.

        Parameters
        ----------
        weights : str or dict of str to float
            One term, or weights by term; terms without a weight have 0.
        name : str
        level : float
            Confidence level, between 0 and 1.

        Returns
        -------
        Estimate
            In outcome units; multiply by the weights that a stored contrast has to change the unit.

        Raises
        ------
        UserError
            If a term is not in the model, all weights are 0, or the file comes from a version that did not keep this.

        Notes
        -----
        With covariance Phi of the fixed effects (adjusted: Phi_A), its derivatives D_i in the variances and the
        covariance W of the variances, SE = sqrt(c'Phi_A c) and df = 2 (c'Phi c)^2 / (g'W g), g_i = c'D_i c (Kenward &
        Roger, 1997, Biometrics 53:983-997). Satterthwaite's: the same with Phi for Phi_A and W from the observed
        information.
        """
        c, terms = self._vector(weights), list(self.covariance)
        parts = self.get("df_parts")
        if parts is None:
            what = f"fits/{self.model}.json does not hold what the df of new contrasts need"
            raise UserError(problem(what, "run the study again with this version"))
        used = self.covariance if self.covariance_adjusted is None else self.covariance_adjusted
        estimate, se = float(c @ self.params[terms].to_numpy()), float(np.sqrt(c @ used.to_numpy() @ c))
        g, w = np.array(parts["derivatives"], float) @ c @ c, np.array(parts["covariance"], float)
        spread = float(g @ w @ g)
        df = 2 * float(c @ self.covariance.to_numpy() @ c) ** 2 / spread if spread > 0 else np.nan
        if not 0 < level < 1:
            raise UserError(problem(f"the level is {level}", "give a number between 0 and 1, such as 0.95"))
        effect, kept = Effect(estimate, se, df), {term: float(w) for term, w in zip(terms, c, strict=True) if w}
        limits = effect.limits(0.5 + level / 2)
        return Estimate(name, estimate, se, df, estimate / se, effect.p_two_sided(), *limits, kept)

    def _vector(self, weights: str | Mapping[str, float]) -> np.ndarray:
        weights, terms = {weights: 1.0} if isinstance(weights, str) else weights, list(self.covariance)
        unknown = [term for term in weights if term not in terms]
        if unknown:
            raise UserError([problem(f"model {self.model} has no fixed effect '{term}'", f"use {', '.join(terms)}")
                             for term in unknown])  # fmt: skip
        vector = np.array([float(weights.get(term, 0.0)) for term in terms])
        if not np.isfinite(vector).all() or not vector.any():
            raise UserError(problem("the weights are all 0, or not finite", "give at least one term a weight"))
        return vector


@dataclass(frozen=True)
class Claim:
    """One of the claims C1 to C5 with its verdict.

    Attributes
    ----------
    name : str
    verdict : {"supported", "refuted", "inconclusive"}
    tested, qualified : bool
        Whether there was a test; whether the verdict holds only with the reservations that `reasons` name.
    fragile : bool or None
        Whether a robustness check changes it by fixed rules; None where that does not apply.
    rule : mapping or None
        The rule that decided: code and fields (:func:`bowlby.reasons.say_rule` has the words).
    reasons, flags : tuple of str
        Codes of what qualifies the verdict and of what else is noted (:func:`bowlby.reasons.say`).
    fragile_because : tuple of mapping
        Robustness checks that change the verdict: codes and fields (:func:`bowlby.reasons.say_changed`).
    estimate, ci_low, ci_high : float
        In SD of outcome per SD of the predictor; NaN where not tested.
    df, p, bound : float
        Of the test that decided, and the equivalence bound (or 0) that it used.
    """

    name: str
    verdict: Literal["supported", "refuted", "inconclusive"]
    tested: bool
    qualified: bool
    fragile: bool | None
    rule: Mapping[str, Any] | None
    reasons: tuple[str, ...]
    flags: tuple[str, ...]
    fragile_because: tuple[Mapping[str, Any], ...]
    estimate: float
    ci_low: float
    ci_high: float
    df: float
    p: float
    bound: float

    @classmethod
    def of(cls, name: str, record: Mapping[str, Any]) -> Claim:
        """Of a claim in ``verdict.json``."""
        numbers = (record["estimate"], *record["ci"], record["df"], record["p"], record["bound"])
        return cls(
            name, record["verdict"], not record["not_tested"], record["qualified"], record["fragile"],
            record.get("rule"), tuple(record["reasons"]), tuple(record["flags"]),
            tuple(record.get("fragile_because") or ()),
            *map(_float, numbers),
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Verdict(Record):
    """``verdict.json``: the verdict in a sentence, and the claims by name."""

    sentence: str
    claims: Mapping[str, Claim]
    flags: tuple[str, ...]

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Verdict:
        """Of the contents of ``verdict.json``."""
        claims = {name: Claim.of(name, claim) for name, claim in (record.get("claims") or {}).items()}
        return cls(record, record.get("sentence") or "", claims, tuple(record.get("flags") or ()))


@dataclass(frozen=True, eq=False)
class Comparison(Record):
    """``comparison.json``: the two predictors compared.

    Attributes
    ----------
    effects : dict of str to Estimate
        P (perceived attachment), T (therapist's style), P-T and P+T, in SD of outcome per SD of the predictor.
    delta : float
        Equivalence bound, same unit.
    standardiser : {"reference", "sample"}
        Whose SDs are the unit.
    n_obs, n_therapists : int
    therapist_icc : float
        Share of the outcome's variance between therapists; NaN where not known.
    """

    effects: Mapping[str, Estimate]
    delta: float
    standardiser: str
    n_obs: int
    n_therapists: int
    therapist_icc: float

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Comparison:
        """Of the contents of ``comparison.json``."""
        effects = {name: Estimate.of(record[name], name) for name in EFFECTS}
        return cls(record, effects, record["delta"], record["standardiser"], record["n_obs"], record["n_therapists"],
                   _float(record.get("therapist_icc")))  # fmt: skip


@dataclass(frozen=True)
class Composite:
    """A composite of scales: SD and weight by scale, and their correlations (k, k)."""

    scales: tuple[str, ...]
    sd: Mapping[str, float]
    weights: Mapping[str, float]
    correlation: pd.DataFrame


@dataclass(frozen=True, eq=False)
class Design(Record):
    """``analysis/<set>.design.json``: how an analysis set was made.

    Attributes
    ----------
    n_patients, n_therapists, n_switching : int or None
        Patients in it, their therapists, patients with several; None where the set has no such count.
    n_dropped : dict of str to int
        Rows left out, by reason.
    outcome_sd : float
        SD that outcomes are counted in, scale units; NaN where they are not standardised.
    standardiser : str or None
        ``reference`` or ``sample``.
    composites : dict of str to Composite
        By the key of the configuration: perceived, therapist_style, patient_style, alliance, mentalizing; first and
        second of ``pair:``.
    covariates : tuple of str
    """

    name: str
    n_patients: int | None
    n_therapists: int | None
    n_switching: int | None
    n_dropped: Mapping[str, int]
    outcome_sd: float
    standardiser: str | None
    composites: Mapping[str, Composite]
    covariates: tuple[str, ...]

    @classmethod
    def of(cls, name: str, record: Mapping[str, Any]) -> Design:
        """Of the contents of ``analysis/<name>.design.json``."""
        composites = {name: _composite(s) for name, s in (record.get("scaling") or {}).items()}
        patients, therapists, switching = (record.get(key) for key in ("n_patients", "n_therapists", "n_switching"))
        covariates, dropped = tuple(record.get("covariates") or ()), record.get("n_dropped") or {}
        return cls(record, name, patients, therapists, switching, dropped, _float(record.get("sd_outcome")),
                   record.get("reference"), composites, covariates)  # fmt: skip


def _composite(record: Mapping[str, Any]) -> Composite:
    scales, correlation = record["scales"], _matrix({"terms": record["scales"], "values": record["correlation"]})
    return Composite(tuple(scales), dict(zip(scales, record["sd"], strict=True)), record["weights"], correlation)


def _matrix(record: Mapping[str, Any]) -> pd.DataFrame:
    return pd.DataFrame(record["values"], index=record["terms"], columns=record["terms"], dtype=float)


def _float(value: Any) -> float:
    return np.nan if value is None else float(value)
