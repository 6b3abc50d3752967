"""The reference designs against two other engines in Python, so that a clone without R checks the engine too.

glmm gives standard errors and Satterthwaite's df, kamino Kenward-Roger's; neither knows membership.
"""

import re
import warnings

import numpy as np
import pytest
from differences import Checks, plain, registered, relative, surprises
from mixed_checks import DESIGNS, fitted, rows

METHODS = {"glmm": "satterthwaite", "kamino": "kenward-roger"}
NAMES = [name for name in DESIGNS if DESIGNS[name].membership is None]
WITHIN = 1e-4  # estimates in SE, SE relative: both stop earlier than the engine
DF_WITHIN = 1e-2
UNCORRELATED = re.compile(r"\(1 \+ (\w+) \|\| (\w+)\)")


def by_glmm(formula: str, data) -> tuple[float, dict]:
    """REML log-likelihood; of each coefficient estimate, SE, Satterthwaite's df."""
    fit = pytest.importorskip("glmm").fit(data, formula)
    return fit.loglik, {n: (b, s, d) for n, b, s, d in zip(fit.names, fit.beta, fit.se, fit.coef_df, strict=True)}


def by_kamino(formula: str, data) -> tuple[float, dict]:
    """REML log-likelihood; of each coefficient estimate, Kenward-Roger's SE and df."""
    fit = pytest.importorskip("kamino").lmer(formula, data, reml=True)
    tests = fit.kenward_roger()
    se = np.sqrt(np.diag(tests.adjusted_covariance))
    df = [tests.test(row).denominator_df for row in np.eye(len(fit.beta))]
    return fit.log_likelihood, {n: x for n, *x in zip(fit.fixed_names, fit.beta, se, df, strict=True)}


def engine_checks(engine: str, name: str) -> Checks:
    """Our REML fit of a design against another engine's."""
    out, result = Checks(f"{engine}: {name}"), fitted(name, True)
    formula = UNCORRELATED.sub(r"(1 | \2) + (0 + \1 | \2)", DESIGNS[name].formula)
    data = rows(name)[[c for c in rows(name) if re.search(rf"\b{c}\b", formula)]].dropna()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            llf, theirs = {"glmm": by_glmm, "kamino": by_kamino}[engine](formula, data)
        except (ValueError, RuntimeError) as error:
            out.add("fit refused", type(error).__name__, 1.0)
            return out
    out.add("log-likelihood", "REML", llf - result.llf)
    if llf < result.llf - 1e-4:
        out.add("fit refused", "below the maximum", 1.0)
        return out
    ours = result.tidy(METHODS[engine]).assign(term=lambda t: t["term"].map(plain)).set_index("term")
    df = "Kenward-Roger df" if engine == "kamino" else "Satterthwaite df"
    for term, (b, se, theirs_df) in theirs.items():
        if np.isnan(b):  # a column that depends on others
            continue
        row = ours.loc[plain(term)]
        out.add("estimate", term, abs(row["estimate"] - b) / se, WITHIN)
        out.add("SE", term, relative(row["se"], se), WITHIN)
        out.add(df, term, relative(row["df"], theirs_df), DF_WITHIN)
    return out


@pytest.mark.parametrize("engine", METHODS)
@pytest.mark.parametrize("name", NAMES)
def test_another_engine_gives_the_same_numbers(engine, name):
    checks = engine_checks(engine, name)
    assert surprises(checks) == []
    # Whether a search of theirs ends before the maximum can depend on the processor.
    of_this = {key for key in registered() if key[0] == f"{engine}: {name}" and key[1] != "fit refused"}
    assert of_this <= {(check.design, check.quantity, check.item) for check in checks}
