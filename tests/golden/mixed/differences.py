"""A difference between the engine and a reference number, its limit, and the differences that are known."""

from __future__ import annotations

import math
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

import yaml

# Unit of each difference: absolute for log-likelihoods, chi-square, R squared and correlations; relative for
# standard errors, variances, df and limits of SDs; otherwise what the second entry says.
LIMITS = {
    "log-likelihood": (1e-6, "absolute, below the reference"),
    "estimate": (1e-5, "of max(|b|, SE)"),
    "SE": (1e-5, "relative"),
    "covariance of estimates": (2e-5, "of the two SEs"),
    "variance": (1e-4, "relative; absolute in residual variances, limit 1e-6, where it is 0"),
    "covariance": (1e-4, "of the two SDs"),
    "correlation": (1e-3, "absolute"),
    "Kenward-Roger SE": (1e-5, "relative"),
    "Kenward-Roger df": (1e-3, "relative"),
    "Satterthwaite df": (1e-3, "relative"),
    "Satterthwaite df, singular": (1e-4, "relative; not defined, see the known differences"),
    "p": (1e-3, "relative, of p above 1e-12"),
    "confidence limit": (1e-4, "of the SE"),
    "block F": (1e-4, "relative"),
    "block df": (1e-3, "relative"),
    "Kenward-Roger scaling": (1e-4, "relative"),
    "BLUP": (1e-4, "of the SD"),
    "BLUP variance": (1e-4, "of the two SDs squared"),
    "prediction": (1e-4, "of the residual SD"),
    "residual sum of squares": (1e-4, "relative"),
    "R squared": (1e-5, "absolute"),
    "likelihood ratio": (4e-6, "absolute"),
    "information criterion": (4e-6, "absolute"),
    "whole term": (1e-3, "relative, the worst of F and its df"),
    "fit refused": (0.5, "1 if only the reference refuses"),
    "profile limit": (1e-3, "of the SE, relative for SDs, absolute for correlations"),
}
ZERO_VARIANCE = 1e-6


class Check(NamedTuple):
    design: str
    quantity: str
    item: str
    difference: float
    limit: float

    @property
    def passes(self) -> bool:
        return bool(self.difference <= self.limit)


def our_name(name: str) -> str:
    """R's name of a coefficient in statsmodels' spelling."""
    return name.replace("(Intercept)", "Intercept")


def plain(name: str) -> str:
    """A coefficient's name without the marks of categories, in which R and we differ."""
    return re.sub(r"\[(?:T\.)?(.*?)\]", r"\1", our_name(name))


def our_group(name: str) -> str:
    """lme4 numbers the terms of one factor: patient, patient.1."""
    return re.sub(r"\.\d+$", "", name)


def relative(got: float, expected: float) -> float:
    return abs(got - expected) / abs(expected)


class Checks(list):
    """The checks of one model, made one quantity at a time."""

    def __init__(self, design: str):
        super().__init__()
        self.design = design

    def add(self, quantity: str, item: str, difference: float, limit: float | None = None) -> None:
        difference = math.inf if math.isnan(difference) else float(difference)
        self.append(Check(self.design, quantity, item.strip(), difference, limit or LIMITS[quantity][0]))

    def log_likelihood(self, item: str, result, expected: float) -> None:
        self.add("log-likelihood", item, expected - result.llf)

    def fixed_effects(self, item: str, result, fixef: dict, se: dict) -> None:
        position = {plain(name): k for k, name in enumerate(result.params.index)}
        if set(position) != {plain(name) for name in fixef}:
            raise AssertionError(f"{self.design}: coefficients {sorted(position)} for {sorted(fixef)}")
        for name, b in fixef.items():
            k = position[plain(name)]
            self.add("estimate", f"{item} {name}", abs(result.params.iloc[k] - b) / max(abs(b), se[name]))
            self.add("SE", f"{item} {name}", relative(result.bse.iloc[k], se[name]))

    def variance_components(self, item: str, result, components: list[dict]) -> None:
        ours = {}
        for row in result.varcorr.itertuples():
            ours[row.group, frozenset(plain(t) for t in (row.term, row.term2) if t is not None)] = row
        sigma2 = next(c["vcov"] for c in components if c["grp"] == "Residual")
        sd = {}
        for c in components:
            if c["var2"] is None:
                sd[our_group(c["grp"]), plain(c["var1"] or "")] = c["sdcor"]
        for c in components:
            group, names = our_group(c["grp"]), [plain(v) for v in (c["var1"], c["var2"]) if v]
            got = ours[group, frozenset(names)]
            label = f"{item} {group} {', '.join(names)}"
            if c["var2"] is None:
                if c["vcov"] > ZERO_VARIANCE * sigma2:
                    self.add("variance", label, relative(got.variance, c["vcov"]))
                else:
                    self.add("variance", label, abs(got.variance - c["vcov"]) / sigma2, ZERO_VARIANCE)
                continue
            sds = [sd[group, name] for name in names]
            if min(sds) > 0:
                self.add("covariance", label, abs(got.variance - c["vcov"]) / (sds[0] * sds[1]))
            if min(sds) > 1e-3 * math.sqrt(sigma2):
                self.add("correlation", label, abs(got.sd - c["sdcor"]))

    def inference(self, item: str, result, method: str, expected: dict) -> None:
        table = result.tidy(method).assign(term=lambda t: t["term"].map(plain)).set_index("term")
        for name, e in expected.items():
            got = table.loc[plain(name)]
            self.inference_row(f"{item} {name}", got, method, e)

    def inference_row(self, item: str, got, method: str, e: dict) -> None:
        if method == "kenward-roger":
            self.add("Kenward-Roger SE", item, relative(got["se"], e["se"]))
            self.add("Kenward-Roger df", item, relative(got["df"], e["df"]))
            if "p" in e:
                if e["p"] > 1e-12:
                    self.add("p", item, relative(got["p"], e["p"]))
                for side, value in zip(("ci_low", "ci_high"), e["ci95"], strict=True):
                    self.add("confidence limit", f"{item} {side}", abs(got[side] - value) / e["se"])
        else:
            quantity = "Satterthwaite df, singular" if e.get("singular") else "Satterthwaite df"
            self.add(quantity, item, relative(got["df"], e["df"]))


@cache
def registered() -> dict[tuple[str, str, str], str]:
    """Checks that are known to pass their limit, with the reason: tests/golden/divergences.yaml."""
    entries = yaml.safe_load((Path(__file__).parents[1] / "divergences.yaml").read_text(encoding="utf-8"))
    return {(entry["design"], entry["quantity"], item): entry["why"] for entry in entries for item in entry["items"]}


def known(check: Check) -> bool:
    return (check.design, check.quantity, check.item) in registered()


def surprises(checks: list[Check]) -> list[Check]:
    """Differences that are not registered, and registered differences that do not occur."""
    return [check for check in checks if check.passes == known(check)]
