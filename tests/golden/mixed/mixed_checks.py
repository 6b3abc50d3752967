"""The checks of the engine against the reference numbers, by model.

A check is one number of one model: its difference, in the unit of its limit, and the limit. The tests assert that
no difference passes its limit but those that are registered in ``tests/golden/divergences.yaml``, which must pass it;
``tests/golden/accuracy.py`` prints the worst of each kind.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from differences import Checks, our_group, our_name, plain, relative

from bowlby.mixed import MixedModel

HERE = Path(__file__).parent
REAL = HERE.parents[3] / "shared" / "data"


class Design(NamedTuple):
    """A model of the reference set: its formula in our notation and what the formula cannot say."""

    formula: str
    membership: str | None = None
    random: str = ""  # the random part of the reduced models, where the reference writes it otherwise
    # Units of the coefficients in the reference's joint tests: Satterthwaite's df of a joint test depend on them.
    units: tuple[tuple[str, float], ...] = ()


DESIGNS = {
    "1_prepost_ancova": Design("y ~ pre_w + pre_b + a_w + s_anx + s_avo + (1 | therapist)"),
    "2_three_level_growth": Design("y ~ time * a_w + time * s_anx + (1 + time | patient) + (1 | therapist)"),
    "3_three_level_full": Design("y ~ time * a_w + time * s_anx + (1 + time | patient) + (1 + time | therapist)"),
    "4_crossed_switch": Design("y ~ time * a_w + time * s_anx + s_avo + (1 + time | patient) + (1 | therapist)"),
    "5_singular": Design("y ~ pre + a_w + s_anx + s_avo + (1 | therapist)"),
    "5b_singular_corr": Design("y ~ time * a_w + time * s_anx + (1 + time | patient) + (1 | therapist)"),
    "6_multiple_membership": Design("y ~ pre + a_w + s_anx + s_avo + (1 | mm)", membership="mm", random="(1 | mm)"),
    "7_group_unit": Design("y ~ time + a_w + s_anx + s_avo + (1 | patient) + (1 | group) + (1 | therapist)"),
    "8_tiny_clusters": Design("y ~ pre + a_w + s_anx + s_avo + (1 | therapist)"),
    "9_badly_scaled": Design(
        "y ~ day + x + s_anx + (1 + day | patient) + (1 | therapist)", units=(("day", 1e3), ("x", 1e-4))
    ),
    "10_uncorrelated_slopes": Design("y ~ time * a_w + s_anx + (1 + time || patient) + (1 | therapist)"),
    "11_mundlak": Design("y ~ a_w + a_b + (1 | therapist)"),
    "13_rank_deficient": Design("y ~ pre_w + a_w + a_w_dup + s_anx + aai_F + aai_Ds + aai_E + (1 | therapist)"),
    "14_missing_rows": Design("y ~ pre + a_w + s_anx + (1 | therapist)"),
}


@cache
def reference(design: str) -> dict:
    return json.loads((HERE / "reference" / f"{design}.json").read_text(encoding="utf-8"))


@cache
def rows(design: str) -> pd.DataFrame:
    return pd.read_csv(HERE / "data" / f"{design}.csv")


@cache
def memberships(design: str) -> dict | None:
    """Session shares of each patient, rows x therapists."""
    group = DESIGNS[design].membership
    if group is None:
        return None
    long = pd.read_csv(HERE / "data" / f"{design}_weights.csv")
    wide = long.pivot_table(index="patient", columns="therapist", values="w", fill_value=0.0)
    return {group: wide.loc[rows(design)["patient"]].reset_index(drop=True)}


@cache
def fitted(design: str, reml: bool, formula: str | None = None):
    model = MixedModel.from_formula(formula or DESIGNS[design].formula, rows(design), memberships(design))
    return model.fit(reml)


@cache
def profiled(design: str) -> pd.DataFrame:
    return fitted(design, False).profile()


def fit_checks(design: str) -> Checks:
    """Log-likelihoods, estimates, SEs, variances of the REML and the ML fit."""
    ref, out = reference(design), Checks(design)
    for reml in (True, False):
        item = "REML" if reml else "ML"
        result, e = fitted(design, reml), ref[item.lower()]
        out.log_likelihood(item, result, e["logLik"])
        out.fixed_effects(item, result, e["fixef"], e["se"])
        out.variance_components(item, result, e["varcorr"])
        se = np.sqrt(np.diagonal(e["vcov"]))
        worst = np.max(np.abs(result.cov_params().to_numpy() - e["vcov"]) / np.outer(se, se))
        out.add("covariance of estimates", item, worst)
    return out


def information_criterion_checks(design: str) -> Checks:
    e, result, out = reference(design)["ml"], fitted(design, False), Checks(design)
    out.add("information criterion", "AIC", abs(result.aic - e["AIC"]))
    out.add("information criterion", "BIC", abs(result.bic - e["BIC_n_rows"]))
    return out


def inference_checks(design: str) -> Checks:
    """Kenward-Roger, Satterthwaite, contrasts and joint tests of the REML fit."""
    ref, out = reference(design), Checks(design)
    expected, result = ref["inference_reml"], fitted(design, True)
    contrasts = expected.get("contrasts_definition", {})
    rows_of = {
        "kenward-roger": expected["kenward_roger"],
        "satterthwaite": {
            name: {"df": df, "singular": ref["reml"]["is_singular"]}
            for name, df in expected["satterthwaite_df_exact_observed_information"].items()
        },
    }
    for method, rows_expected in rows_of.items():
        out.inference("", result, method, {n: e for n, e in rows_expected.items() if n not in contrasts})
        for name, weights in contrasts.items():
            got = result.contrast({our_name(k): v for k, v in weights.items()}, df=method).iloc[0]
            out.inference_row(name, got, method, rows_expected[name])
    adjusted, kr = result.cov_params(adjusted=True).to_numpy(), np.array(expected["kenward_roger_vcov"])
    se = np.sqrt(np.diagonal(kr))
    out.add("covariance of estimates", "Kenward-Roger", np.max(np.abs(adjusted - kr) / np.outer(se, se)))
    for name, block in expected["block_F"].items():
        units = dict(DESIGNS[design].units)
        terms = [{our_name(t): units.get(t, 1.0)} for t in block["terms"]]
        e = block["kenward_roger"]
        got = result.f_test(terms, df="kenward-roger").iloc[0]
        out.add("block F", f"{name} Kenward-Roger", relative(got["F"], e["F_scaled"]))
        out.add("block df", f"{name} Kenward-Roger", relative(got["df_den"], e["ddf"]))
        out.add("Kenward-Roger scaling", name, relative(got["scale"], e["scaling_lambda"]))
        e, got = block["satterthwaite"], result.f_test(terms, df="satterthwaite").iloc[0]
        out.add("block F", f"{name} Satterthwaite", relative(got["F"], e["F"]))
        out.add("block df", f"{name} Satterthwaite", relative(got["df_den"], e["ddf"]))
        if units:
            got = result.f_test([our_name(t) for t in block["terms"]], df="satterthwaite").iloc[0]
            out.add("block df", f"{name} Satterthwaite, units of the data", relative(got["df_den"], e["ddf"]))
    return out


def random_effect_checks(design: str) -> Checks:
    """BLUPs of all levels; Var(u | y) and prediction error variances of some twelve of each factor."""
    ref, out = reference(design), Checks(design)
    result = fitted(design, True)
    sd = {
        (our_group(c["grp"]), our_name(c["var1"])): c["sdcor"]
        for c in ref["reml"]["varcorr"]
        if c["var1"] and c["var2"] is None
    }
    for block in ref["ranef_reml"]:
        group, terms = block["grouping"], [our_name(t) for t in block["terms"]]
        got = result.random_effects[group]
        scale = np.array([sd[group, t] for t in terms])
        off = np.abs(got.loc[block["levels"], terms].to_numpy() - np.array(block["blup"]))
        if not scale.all():
            out.add("BLUP", f"{group}, variance 0", float(off.max() / ref["reml"]["sigma"]))
            continue
        out.add("BLUP", group, float((off / scale).max()))
        at = [got.columns.get_loc(t) for t in terms]
        for name, ours in (("condvar", result.random_effects_cov), ("pev", result.random_effects_pev)):
            values = np.array([np.asarray(ours[group][level])[np.ix_(at, at)] for level in block["sampled"]])
            worst = np.max(np.abs(values - np.array(block[name])) / np.outer(scale, scale))
            out.add("BLUP variance", f"{group} {name}", float(worst))
    return out


def prediction_checks(design: str) -> Checks:
    """Predictions of new rows, some with levels the model has not seen; residuals; variance explained."""
    ref, out = reference(design), Checks(design)
    result, sigma = fitted(design, True), ref["reml"]["sigma"]
    e = ref["predict_reml"]
    new = pd.DataFrame(e["newdata"])
    weights = None
    if DESIGNS[design].membership:
        levels = result.random_effects["mm"].index
        wide = pd.DataFrame(0.0, index=new.index, columns=levels)
        for row in new.itertuples():
            for therapist, w in ((row.therapist_1, row.w_1), (row.therapist_2, row.w_2)):
                wide.loc[row.Index, therapist] += w
        weights = {"mm": wide}
    for name, random in (("fixed_only", False), ("with_random_effects", True)):
        got = result.predict(new, random=random, membership=weights)
        out.add("prediction", name, float(np.max(np.abs(got - e[name])) / sigma))
    residuals = ref["residuals_reml"]
    out.add("prediction", "first residuals", float(np.max(np.abs(result.resid[:5] - residuals["first5"])) / sigma))
    out.add("residual sum of squares", "", relative(float(result.resid @ result.resid), residuals["sum_of_squares"]))
    r2, got = ref["r2_icc_reml"], result.r_squared()
    for ours, theirs in (
        ("marginal", "R2_marginal"),
        ("conditional", "R2_conditional"),
        ("icc_adjusted", "icc_adjusted"),
        ("icc_unadjusted", "icc_unadjusted"),
    ):
        out.add("R squared", ours, abs(got[ours] - r2[theirs]))
    return out


def likelihood_ratio_checks(design: str) -> Checks:
    out, full = Checks(design), fitted(design, False)
    for name, e in reference(design).get("lrt_ml", {}).items():
        formula = e["reduced"]
        if DESIGNS[design].random:
            formula = formula.replace("mm", DESIGNS[design].random)
        if "|" not in formula:
            continue  # no random term left: not a mixed model
        reduced = fitted(design, False, formula)
        out.log_likelihood(f"ML {name}", reduced, e["logLik_reduced"])
        out.add("likelihood ratio", name, abs(2 * (full.llf - reduced.llf) - e["chisq"]))
        out.add("likelihood ratio", f"{name} df", abs(full.n_parameters - reduced.n_parameters - e["df"]))
    return out


def profile_checks(design: str) -> Checks:
    """Profile limits against a root search on refits."""
    ref, out = reference(design), Checks(design)
    table, se = profiled(design), ref["ml"]["se"]
    exact = ref["profile_ci"]
    for name, limits in exact.get("exact_fixed", {}).items():
        row = table[(table["kind"] == "coefficient") & (table["term"] == our_name(name))].iloc[0]
        for side, value in zip(("ci_low", "ci_high"), limits, strict=True):
            out.add("profile limit", f"{name} {side}", abs(row[side] - value) / se[name])
    for name, limits in exact.get("exact_random", {}).items():
        row = _random_row(table, name)
        for side, value in zip(("ci_low", "ci_high"), limits, strict=True):
            scale = max(abs(value), abs(limits[1])) if name.startswith(("sd_", "sigma")) else 1.0
            out.add("profile limit", f"{name} {side}", abs(row[side] - value) / (abs(value) or scale))
    return out


def _random_row(table: pd.DataFrame, name: str):
    """The row of lme4's ``sd_time|patient``, ``cor_time.(Intercept)|patient`` or ``sigma``."""
    if name == "sigma":
        return table[table["kind"] == "sigma"].iloc[0]
    kind, rest = name.split("_", 1)
    terms, group = rest.split("|")
    chosen = table[(table["group"] == group) & (table["kind"] == {"sd": "sd", "cor": "correlation"}[kind])]
    if kind == "cor":
        return chosen.iloc[0]
    return chosen[chosen["term"] == our_name(terms)].iloc[0]


SUITE = {
    "fit": fit_checks,
    "information criteria": information_criterion_checks,
    "tests": inference_checks,
    "random effects": random_effect_checks,
    "predictions": prediction_checks,
    "likelihood ratios": likelihood_ratio_checks,
    "profiles": profile_checks,
}


@cache
def checks_of(design: str, suite: str) -> Checks:
    """The checks of one part of one design."""
    return SUITE[suite](design)


# -- whole terms, by tests/golden/r/terms_and_means.R ----------------------------------------------------------------

ARMS = "terms_and_means"


@cache
def fitted_to_arms(name: str):
    """A model of the table of arms by its name in the reference, or by its formula."""
    formula = reference(ARMS)["fits"].get(name, {}).get("formula", name)
    return MixedModel.from_formula(formula, pd.read_csv(HERE / "data" / "arms.csv")).fit()


def whole_term_checks(name: str) -> Checks:
    """Type III tests of one model against lmerTest's, and car's of sum contrasts."""
    out, ours = Checks(f"{ARMS}: {name}"), fitted_to_arms(name).anova()
    for program, expected in (
        ("lmerTest", reference(ARMS)["fits"][name]["anova"]),
        ("car", reference(ARMS)["car"].get(name, {})),
    ):
        if expected and len(expected) != len(ours):
            raise AssertionError(f"{name}: terms {list(ours.index)} for {list(expected)}")
        for term, row in zip(ours.index, expected.values(), strict=bool(expected)):
            got = ours.loc[term]
            off = max(relative(got[column], row[column]) for column in ("F", "df_num", "df_den"))
            out.add("whole term", f"{program} {term}", off)
    return out


def limit_checks() -> Checks:
    """Designs at the limit of what can be estimated: an F test of few groups, and fewer rows than random effects."""
    out, ref = Checks(ARMS), reference(ARMS)
    few, expected = pd.read_csv(HERE / "data" / "few_groups.csv"), ref["few_groups"]
    got = MixedModel.from_formula(expected["formula"], few).fit().f_test(expected["terms"]).iloc[0]
    out.add("block df", "few groups", relative(got["df_den"], expected["df_den"]))
    fit = MixedModel.from_formula(ref["few_rows"]["formula"], pd.read_csv(HERE / "data" / "few_rows.csv")).fit()
    out.add("fit refused", "few rows", float(ref["few_rows"]["refused"] and fit.converged))
    return out


# -- models fitted by tests/golden/r/refresh.R -----------------------------------------------------------------------

MODELS = json.loads((HERE / "models.json").read_text(encoding="utf-8"))


@cache
def expected_fit(name: str) -> dict:
    return json.loads((HERE / "expected" / f"{name}.json").read_text(encoding="utf-8"))


def model_file(name: str) -> Path:
    spec = MODELS[name]
    return (HERE / "data" if spec["set"] == "small" else REAL) / spec["file"]


def _apply(data: pd.DataFrame, step: list) -> pd.DataFrame:
    what, column, *rest = step
    if what == "text":
        return data.assign(**{column: pd.Categorical(data[column], categories=rest)})
    if what == "linear":
        return data.assign(**{column: (data[rest[0]] - rest[1]) / rest[2]})
    if what == "number":
        return data.assign(**{column: pd.to_numeric(data[rest[0]], errors="coerce")})
    if what == "below":
        return data[data[column] < rest[0]]
    if what == "equals":
        return data.assign(**{column: (data[rest[0]] == rest[1]).astype(float)})
    if what == "keep":
        return data[data[column] == rest[0]]
    if what == "centre":
        return data.assign(**{column: data[rest[0]] - data[rest[0]].mean()})
    raise ValueError(f"unknown step {what}")


@cache
def fitted_model(name: str):
    spec = MODELS[name]
    data = pd.read_csv(model_file(name), na_values=["NA", "NaN", ""])
    for step in spec.get("prepare", []):
        data = _apply(data, step)
    return MixedModel.from_formula(spec["formula"], data.reset_index(drop=True)).fit(spec["reml"])


def model_checks(name: str) -> Checks:
    expected, out = expected_fit(name), Checks(name)
    e, result = expected["fit"], fitted_model(name)
    item = "REML" if expected["reml"] else "ML"
    out.log_likelihood(item, result, e["logLik"])
    out.fixed_effects(item, result, e["fixef"], e["se"])
    out.variance_components(item, result, [{"var1": None, "var2": None, **c} for c in e["varcorr"]])
    for method in ("kenward-roger", "satterthwaite"):
        rows_expected = (expected["inference"] or {}).get(method.replace("-", "_"))
        if rows_expected:
            out.inference(item, result, method, rows_expected)
    for group, terms in expected["blup_norm"].items():
        for term, norm in terms.items():
            got = result.random_effects[our_group(group)].rename(columns=plain)[plain(term)]
            if norm > 0:
                out.add("BLUP", f"{group} {term}, norm", relative(float(np.sqrt((got**2).sum())), norm))
    out.add(
        "residual sum of squares",
        item,
        relative(float(result.resid @ result.resid), expected["residual_sum_of_squares"]),
    )
    return out
