"""The models: which terms each has, and what is tested in it."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bowlby import terms
from bowlby.design.centring import Membership, among, membership
from bowlby.fit import units
from bowlby.fit.c2_conditions import c2_conditions
from bowlby.fit.one_level import EXACT, OneLevelResult
from bowlby.fit.record import block_test, contrast, contrasts, effects_table, no_second, record_fit, second_fit
from bowlby.mixed import MixedModel
from bowlby.terms import BASELINE, INTERCEPT, M1, M1_RANDOM, SIDES, P, T, Z, sloped

MAIN = {"perceived": "c4", "early": "early_m1"}
"""The main model of analysis sets of which it has another name than the set."""


@dataclass(frozen=True)
class Fitted:
    """A fit ready to be written.

    Attributes
    ----------
    record : dict
        The contract of ``fits/<model>.json``.
    effects : DataFrame
        Columns group, level, term, value, variance.
    """

    record: dict
    effects: pd.DataFrame


def fit_set(
    name: str, data: pd.DataFrame, membership: pd.DataFrame, design: dict, with_c2: bool = True
) -> dict[str, Fitted]:
    """Fit all models of one analysis set.

    Parameters
    ----------
    name : str
        ``primary``, ``perceived``, ``early``, ``sessions``, ``alliance``, ``mentalizing`` or ``pair``.
    data : DataFrame
        The analysis set.
    membership : DataFrame
        Columns patient, therapist, weight: patients who switch are members of several therapists.
    design : dict
        Description of the set.
    with_c2 : bool
        Whether M1's record says under what conditions C2 holds (``c2_lines``).

    Returns
    -------
    dict of Fitted
        By model.
    """
    fitter = Fitter(data, membership, design)
    fitter.with_c2 = with_c2
    if name in terms.OTHER_RATINGS:
        return fitter.other_rating(name)
    return {"primary": fitter.primary, "perceived": fitter.perceived, "early": fitter.early,
            "sessions": fitter.sessions, "pair": fitter.pair}[name]()  # fmt: skip


def second_of(name: str, data: pd.DataFrame, fits: dict[str, Fitted]) -> dict:
    """The second engine on the rows of a set's main model, and how far the two differ."""
    if name == "session_to_session":
        return no_second("it has no model of two series that lead each other")
    if not fits:
        return no_second("it has no mixed model")
    main = next(fits[m] for m in (MAIN.get(name), name, f"{name}_b", f"{name}_m1") if m in fits).record
    fixed = [f["term"] for f in main["fixed"] if f["term"] != "Intercept"]
    if not main["random"]:
        return no_second("ordinary least squares has one solution, which needs no search")
    data = data.assign(**{term: data[term.split(":")].prod(axis=1) for term in fixed if ":" in term})
    groups = tuple(g for g in ("therapist", "patient") if g in main["groups"]) if name == "growth" else ("therapist",)
    return second_fit(data, fixed, main, groups)


class Fitter:
    """Fits models to one set of rows."""

    def __init__(self, data: pd.DataFrame, members: pd.DataFrame, design: dict):
        self.data, self.design = data, design
        self.membership = _shared(members, data["patient"])
        # A patient treated alone is in no unit, so units are an effect of being in one.
        self.together = [{"group": "unit", "terms": ["in_unit"]}] if "unit" in data else []
        self.base = [c for c in BASELINE if c in data]
        self.base += [c for name in design["covariates"] for c in terms.both_levels(name) if c in data]
        self.one_level = bool(design.get("one_level"))
        self.with_c2 = True

    def of(self, data: pd.DataFrame) -> Fitter:
        """The same rows with other columns."""
        other = copy(self)
        other.data = data
        return other

    @property
    def shares(self) -> Membership:
        """Weights of the rows by therapist."""
        return self.membership["therapist"] if self.membership else Membership.of(self.data["therapist"])

    def fit(self, added: Sequence[str | tuple[str, str]], random: list[dict], reml: bool = True):
        shared = self.membership if random else None
        fixed: list = [*self.base, *added]
        if self.one_level:
            return OneLevelResult(self.data, fixed)
        model = MixedModel.from_terms("y", fixed, [*random, *self.together], self.data, membership=shared)
        return model.fit(reml=reml)

    def kept(self, model: str, result, contrasts=(), blocks=()) -> Fitted:
        method = EXACT if self.one_level else "kenward-roger" if result.reml else "satterthwaite"
        return Fitted(
            record_fit(model, result, method, self.design["n_dropped"], contrasts, blocks), effects_table(result)
        )

    def block(self, variable: str) -> list[str]:
        """Terms of a variable's scales: what patients answer within therapists."""
        level = terms.WITHIN if terms.ROLES[variable] == "patient" else None
        return [terms.column(variable, scale, level) for scale in self.design["scaling"][variable]["scales"]]

    def primary(self) -> dict[str, Fitted]:
        """M0, M_P, M_T, M1, M1b, M2, and the ML refits for likelihood-ratio tests (all with M1's random part)."""
        unit = 1.0 / self.design["sd_outcome"]
        models = {"m0": [], "m_p": [P], "m_t": [T], "primary": M1}
        fits, results = {}, {}
        for model, added in models.items():
            results[model] = result = self.fit(added, M1_RANDOM if P in added else INTERCEPT)
            contrasts = standardised(result, self.design) if model == "primary" else ()
            fits[model] = self.kept(model, result, contrasts)
        if self.with_c2:
            style = self.data.groupby("therapist")[T].mean().std(ddof=1)
            fits["primary"].record["c2_lines"] = c2_conditions(results["m0"], results["primary"], unit, float(style))
        a, s = self.block("perceived"), self.block("therapist_style")
        joint = self.fit([*a, *s], M1_RANDOM)
        fits["m1b"] = self.kept("m1b", joint, self._directions(joint, unit), [
            block_test(joint, "perceived attachment", a), block_test(joint, "therapist style", s)])  # fmt: skip
        fits["m2"] = self.kept("m2", self.fit([*M1, terms.P_BETWEEN], M1_RANDOM))
        fits["severity"] = self.severity(unit)
        for model, added in models.items():
            fits[f"{model}_ml"] = self.kept(f"{model}_ml", self.fit(added, M1_RANDOM, reml=False))
        return fits

    def two_predictors(self):
        """The main model of a pair. A rating of patients has a slope that varies between therapists: without it the
        test of a slope that differs between therapists would be too sure."""
        return self.fit(list(SIDES), self._of_sides())

    def _of_sides(self) -> list[dict]:
        return sloped(*(side for side in SIDES if self.design["roles"][side] != "therapist"))

    def pair(self) -> dict[str, Fitted]:
        """Both predictors of a pair by their composites, and all their scales with a joint test of each side."""
        scaling = self.design["scaling"]
        blocks = {side: [terms.column(side, scale) for scale in scaling[side]["scales"]] for side in SIDES}
        result = self.two_predictors()
        every = self.fit([term for block in blocks.values() for term in block], self._of_sides())
        tests = [block_test(every, side, block) for side, block in blocks.items()]
        contrasts = standardised(result, self.design, *SIDES, SIDES)
        return {"pair": self.kept("pair", result, contrasts), "pair_scales": self.kept("pair_scales", every, (), tests)}

    def severity(self, unit: float) -> Fitted:
        """M1 with style by severity; T at average severity and in the most severe tenth of patients.

        The slope of severity varies between therapists too: without it the test of style by severity would count
        patients where it should count therapists.
        """
        random = [{"group": "therapist", "terms": ["1", P, BASELINE[0]], "correlated": False}]
        result = self.fit([*M1, *((T, level) for level in BASELINE)], random)
        names = [f"{T}:{level}" for level in BASELINE]
        severe = float(np.quantile(self.data[BASELINE[0]], 0.10))  # the outcome is turned: low is severe
        contrasts = [
            contrast(result, "T_average", {T: unit}),
            contrast(result, "T_severe", {T: unit, names[0]: severe * unit}),
        ]
        return self.kept("severity", result, contrasts, [block_test(result, "style by severity", names)])

    def _directions(self, result, unit: float) -> list[dict]:
        """Slopes of the registered directions in the joint model, in outcome SD per reference SD."""
        asked = (("P_u", "perceived"), ("T_u", "therapist_style"))
        return [contrast(result, name, self.direction(variable, unit)) for name, variable in asked]

    def direction(self, variable: str, unit: float) -> dict[str, float]:
        """Weights of ``u' R gamma`` for the registered direction u (``u' R u = 1``)."""
        scaling = self.design["scaling"][variable]
        r = np.asarray(scaling["correlation"], float)
        w = np.array([scaling["weights"][s] for s in scaling["scales"]], float)
        u = w / np.sqrt(w @ r @ w)
        return dict(zip(self.block(variable), unit * (r @ u), strict=True))

    def other_rating(self, name: str) -> dict[str, Fitted]:
        """Another rating by the patient: together with perceived attachment, and instead of it.

        ``<name>_m1`` is M1 on the rows that have it, ``<name>_joint`` adds it, ``<name>_alone`` puts it in the place of
        perceived attachment, its slope varying between therapists in the same way; ``<name>_scales`` adds its subscales
        instead, where there are several.
        """
        term = terms.column(name, level=terms.WITHIN)
        first, joint = self.fit(M1, M1_RANDOM), self.fit([P, term, T], M1_RANDOM)
        other = self.fit([term, T], sloped(term))
        fits = {
            f"{name}_m1": self.kept(f"{name}_m1", first, standardised(first, self.design)),
            f"{name}_joint": self.kept(f"{name}_joint", joint, standardised(joint, self.design)),
            f"{name}_alone": self.kept(f"{name}_alone", other, standardised(other, self.design, term)),
        }
        scales = [terms.column(name, scale, terms.WITHIN) for scale in self.design["subscales"]]
        if scales:
            apart, model = self.fit([P, *scales, T], M1_RANDOM), f"{name}_scales"
            fits[model] = self.kept(model, apart, standardised(apart, self.design), [block_test(apart, name, scales)])
        return fits

    def early(self) -> dict[str, Fitted]:
        """M1 on the rows with an early outcome, and adjusted for the change up to it."""
        fits = {}
        for model, added in {"early_m1": [], "early": terms.both_levels("change")}.items():
            result = self.fit([*added, *M1], M1_RANDOM)
            fits[model] = self.kept(model, result, standardised(result, self.design))
        return fits

    def sessions(self) -> dict[str, Fitted]:
        """Sessions in patients, crossed with the therapists who gave them; ``(1 | patient)`` and M1's random part."""
        unit = 1.0 / self.design["sd_outcome"]
        now = [c for c in (terms.P_WITHIN_PATIENT,) if c in self.data]
        result = self.fit(["session", P, terms.P_BETWEEN, *now, T], [*M1_RANDOM, {"group": "patient"}])
        contrasts = standardised(result, self.design) + [contrast(result, "within_patient", {c: unit}) for c in now]
        return {"sessions": self.kept("sessions", result, contrasts)}

    def perceived(self) -> dict[str, Fitted]:
        """C4: style on perceived attachment, random intercept; C5: the patient's style, with its random slope.

        The joint test of all scales of the patient's style has no random slopes of its own and is descriptive.
        """
        c4, c5 = self.style_models()
        fits = {"c4": self.kept("c4", c4, perceived_style(c4, self.design))}
        if c5 is not None:
            within = self.block("patient_style")
            joint = self.fit(self.style_terms(), sloped(Z))
            block = block_test(joint, "patient style", within)
            fits["c5"] = self.kept("c5", c5, patient_style(c5, self.design), [block])
        return fits

    def style_terms(self) -> list[str]:
        """Terms of C4: the patient's scales at both levels where there are any, and the therapist's style."""
        return terms.c4(self.design["scaling"].get("patient_style", {"scales": []})["scales"])

    def style_models(self):
        """The fits behind C4 and C5; None for C5 where the patient's style is not in the configuration."""
        asked = "patient_style" in self.design["scaling"]
        return self.fit(self.style_terms(), INTERCEPT), self.fit(terms.C5, sloped(Z)) if asked else None


def _shared(members: pd.DataFrame, patients: pd.Series) -> dict[str, Membership] | None:
    """Weights of the rows' patients by therapist, where some patients switch."""
    used = members[members["weight"] > 0]
    used = used[among(used["patient"], patients)]
    if not used["patient"].duplicated().any():
        return None
    row, people = pd.factorize(patients)
    return {"therapist": membership(used, people).rows(row)}


def standardised(
    result, design: dict, first: str = P, second: str = T, names: tuple[str, str] = ("P", "T")
) -> list[dict]:
    """Slopes of two terms, their difference and their sum in outcome SD per reference SD; P, T, P-T and P+T of M1.

    Where the SDs are this sample's own, standard errors allow for that (:mod:`bowlby.fit.units`).

    Parameters
    ----------
    result : MixedResult
    design : dict
        Description of the analysis set.
    first, second : str
        The two terms.
    names : (str, str)
        What they are called in the record.

    Returns
    -------
    list of dict
        The four contrasts, as of :func:`bowlby.fit.record.contrast`.
    """
    errors, variable = design["sd_error"], terms.parse(first).variable
    if errors and names[0] == "P":  # perhaps another rating is in the place of perceived attachment
        errors = errors | {"perceived": errors[variable]}
    return units.standardised(contrasts(result, standardised_slope_weights(design, first, second, names)), errors)


def standardised_slope_weights(
    design: dict, first: str = P, second: str = T, names: tuple[str, str] = ("P", "T")
) -> dict[str, dict[str, float]]:
    """Weights of two slopes, their difference and their sum in outcome SD per reference SD."""
    return terms.slope_weights(first, second, 1.0 / design["sd_outcome"], names)


def perceived_style(result, design: dict) -> list[dict]:
    """T_A of the model of C4: slope of the therapist's style, per reference SD of both."""
    return units.standardised([contrast(result, "T_A", {T: 1.0})], design["sd_error"])


def patient_style(result, design: dict) -> list[dict]:
    """Z of the model of C5: slope of the patient's own style within therapists, per reference SD of both."""
    return units.standardised([contrast(result, "Z", {Z: 1.0})], design["sd_error"])


def claims_fits(primary, perceived) -> tuple[dict[str, dict], bool]:
    """Only what the claims need, for studies simulated by the thousand.

    Parameters
    ----------
    primary, perceived : AnalysisSet

    Returns
    -------
    contrasts : dict of dict
        P, T, P-T, P+T, T_A, Z.
    singular : bool
        Of the primary fit.
    """
    one = Fitter(primary.data, primary.membership, primary.design)
    result = one.fit(M1, M1_RANDOM)
    contrasts = standardised(result, primary.design)
    c4, c5 = Fitter(perceived.data, perceived.membership, perceived.design).style_models()
    contrasts += perceived_style(c4, perceived.design) + patient_style(c5, perceived.design)
    return {c["name"]: c for c in contrasts}, bool(result.singular)
