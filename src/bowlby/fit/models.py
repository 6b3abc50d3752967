"""The models: which terms each has, and what is tested in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bowlby.design.centring import Membership, membership
from bowlby.fit import units
from bowlby.fit.lines import three_lines
from bowlby.fit.record import block_test, contrast, effects_table, record_fit, second_fit
from bowlby.mixed import MixedModel

INTERCEPT = [{"group": "therapist", "terms": ["1"], "correlated": False}]
C5 = ["z_star_w", "z_star_b", "s_star"]
BESIDE = {"alliance": "w", "mentalizing": "m"}
MAIN = {"primary": "primary", "perceived": "c4", "early": "early_m1", "sessions": "sessions", "growth": "growth",
        "pair": "pair"}  # fmt: skip


def sloped(*terms: str) -> list[dict]:
    """Random part of therapists: an intercept and uncorrelated slopes of what is tested within therapists.

    A slope variance estimated as 0 counts as known. Kenward-Roger's allowance for its uncertainty, made on top of an
    estimate that cannot fall below 0, would hold the rate of error of C1 far below the nominal one and cost power;
    simulation has the rate at its nominal value or below wherever slopes differ (``docs/validation.md``).
    """
    return [{"group": "therapist", "terms": ["1", *terms], "correlated": False, "known_zero": [*terms]}]


SLOPE = sloped("a_star_w")


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


def fit_set(name: str, data: pd.DataFrame, membership: pd.DataFrame, design: dict) -> dict[str, Fitted]:
    """Fit all models of one analysis set.

    Parameters
    ----------
    name : str
        ``primary``, ``perceived``, ``early``, ``sessions``, ``alliance`` or ``mentalizing``.
    data : DataFrame
        The analysis set.
    membership : DataFrame
        Columns patient, therapist, weight: patients who switch are members of several therapists.
    design : dict
        Description of the set.

    Returns
    -------
    dict of Fitted
        By model.
    """
    fitter = Fitter(data, membership, design)
    if name in BESIDE:
        return fitter.beside(name, f"{BESIDE[name]}_star_w")
    return {"primary": fitter.primary, "perceived": fitter.perceived, "early": fitter.early,
            "sessions": fitter.sessions}[name]()  # fmt: skip


def second_of(name: str, data: pd.DataFrame, fits: dict[str, Fitted]) -> dict:
    """The second engine on the rows of a set's main model, and how far the two differ."""
    main = fits[MAIN.get(name, f"{name}_m1")].record
    terms = [f["term"] for f in main["fixed"] if f["term"] != "Intercept"]
    groups = tuple(g for g in ("therapist", "patient") if g in main["groups"]) if name == "growth" else ("therapist",)
    return second_fit(data, terms, main, groups)

class Fitter:
    """Fits models to one set of rows."""

    def __init__(self, data: pd.DataFrame, members: pd.DataFrame, design: dict):
        self.data, self.design = data, design
        self.membership = _shared(members, data["patient"])
        # A patient treated alone is in no unit, so units are an effect of being in one.
        self.together = [{"group": "unit", "terms": ["in_unit"]}] if "unit" in data else []
        self.base = [c for c in ("pre_w", "pre_b") if c in data]
        self.base += [f"{c}_{p}" for c in design["covariates"] for p in "wb"]

    def fit(self, terms: list[str], random: list[dict], reml: bool = True):
        shared = self.membership if random else None
        fixed = [*self.base, *terms]
        model = MixedModel.from_terms("y", fixed, [*random, *self.together], self.data, membership=shared)
        return model.fit(reml=reml)

    def kept(self, model: str, result, contrasts=(), blocks=()) -> Fitted:
        method = "kenward-roger" if result.reml else "satterthwaite"
        return Fitted(
            record_fit(model, result, method, self.design["n_dropped"], contrasts, blocks), effects_table(result)
        )

    def block(self, side: str) -> list[str]:
        level = "" if side == "s" else "_w"
        return [f"{side}_{scale}{level}" for scale in self.design["scaling"][side]["scales"]]

    def primary(self) -> dict[str, Fitted]:
        """M0, M_P, M_T, M1, M1b, M2, and the ML refits for likelihood-ratio tests (all with M1's random part)."""
        unit = 1.0 / self.design["sd_outcome"]
        terms = {"m0": [], "m_p": ["a_star_w"], "m_t": ["s_star"], "primary": ["a_star_w", "s_star"]}
        fits, results = {}, {}
        for model, added in terms.items():
            results[model] = result = self.fit(added, SLOPE if "a_star_w" in added else INTERCEPT)
            contrasts = standardised(result, self.design) if model == "primary" else ()
            fits[model] = self.kept(model, result, contrasts)
        style = self.data.groupby("therapist")["s_star"].mean().std(ddof=1)
        fits["primary"].record["c2_lines"] = three_lines(results["m0"], results["primary"], unit, float(style))
        a, s = self.block("a"), self.block("s")
        joint = self.fit([*a, *s], SLOPE)
        fits["m1b"] = self.kept("m1b", joint, self._directions(joint, unit), [
            block_test(joint, "perceived attachment", a), block_test(joint, "therapist style", s)])  # fmt: skip
        fits["m2"] = self.kept("m2", self.fit(["a_star_w", "s_star", "a_star_b"], SLOPE))
        fits["severity"] = self.severity(unit)
        for model, added in terms.items():
            fits[f"{model}_ml"] = self.kept(f"{model}_ml", self.fit(added, SLOPE, reml=False))
        return fits

    def severity(self, unit: float) -> Fitted:
        """M1 with style by severity; T at average severity and in the most severe tenth of patients.

        The slope of severity varies between therapists too: without it the test of style by severity would count
        patients where it should count therapists.
        """
        random = [{"group": "therapist", "terms": ["1", "a_star_w", "pre_w"], "correlated": False}]
        products = [("s_star", "pre_w"), ("s_star", "pre_b")]
        result = self.fit(["a_star_w", "s_star", *products], random)
        names = ["s_star:pre_w", "s_star:pre_b"]
        severe = float(np.quantile(self.data["pre_w"], 0.10))  # the outcome is turned: low is severe
        contrasts = [
            contrast(result, "T_average", {"s_star": unit}),
            contrast(result, "T_severe", {"s_star": unit, names[0]: severe * unit}),
        ]
        return self.kept("severity", result, contrasts, [block_test(result, "style by severity", names)])

    def _directions(self, result, unit: float) -> list[dict]:
        """Slopes of the registered directions in the joint model, in outcome SD per reference SD."""
        out = []
        for name, side in (("P_u", "a"), ("T_u", "s")):
            out.append(contrast(result, name, self.direction(side, unit)))
        return out

    def direction(self, side: str, unit: float) -> dict[str, float]:
        """Weights of ``u' R gamma`` for the registered direction u (``u' R u = 1``)."""
        scaling = self.design["scaling"][side]
        r = np.asarray(scaling["correlation"], float)
        w = np.array([scaling["weights"][s] for s in scaling["scales"]], float)
        u = w / np.sqrt(w @ r @ w)
        return dict(zip(self.block(side), unit * (r @ u)))

    def beside(self, name: str, term: str) -> dict[str, Fitted]:
        """Another rating by the patient beside perceived attachment, and in its place.

        ``<name>_m1`` is M1 on the rows that have it, ``<name>_joint`` adds it, ``<name>_alone`` puts it in the place of
        perceived attachment, its slope varying between therapists in the same way; ``<name>_scales`` adds its subscales
        instead, where there are several.
        """
        first, joint = self.fit(["a_star_w", "s_star"], SLOPE), self.fit(["a_star_w", term, "s_star"], SLOPE)
        other = self.fit([term, "s_star"], sloped(term))
        fits = {
            f"{name}_m1": self.kept(f"{name}_m1", first, standardised(first, self.design)),
            f"{name}_joint": self.kept(f"{name}_joint", joint, standardised(joint, self.design)),
            f"{name}_alone": self.kept(f"{name}_alone", other, standardised(other, self.design, term)),
        }
        scales = [f"{BESIDE[name]}_{scale}_w" for scale in self.design["subscales"]]
        if scales:
            apart, model = self.fit(["a_star_w", *scales, "s_star"], SLOPE), f"{name}_scales"
            fits[model] = self.kept(model, apart, standardised(apart, self.design), [block_test(apart, name, scales)])
        return fits

    def early(self) -> dict[str, Fitted]:
        """M1 on the rows with an early outcome, and adjusted for the change up to it."""
        fits = {}
        for model, added in {"early_m1": [], "early": ["change_w", "change_b"]}.items():
            result = self.fit([*added, "a_star_w", "s_star"], SLOPE)
            fits[model] = self.kept(model, result, standardised(result, self.design))
        return fits

    def sessions(self) -> dict[str, Fitted]:
        """Sessions in patients, crossed with the therapists who gave them; ``(1 | patient)`` and M1's random part."""
        unit = 1.0 / self.design["sd_outcome"]
        now = [c for c in ("a_now",) if c in self.data]
        result = self.fit(["session", "a_star_w", "a_star_b", *now, "s_star"], [*SLOPE, {"group": "patient"}])
        contrasts = standardised(result, self.design) + [contrast(result, "within_patient", {c: unit}) for c in now]
        return {"sessions": self.kept("sessions", result, contrasts)}

    def perceived(self) -> dict[str, Fitted]:
        """C4: style on perceived attachment, random intercept; C5: the patient's style, with its random slope.

        The joint test of all scales of the patient's style has no random slopes of its own and is descriptive.
        """
        c4, c5 = self.style_models()
        fits = {"c4": self.kept("c4", c4, perceived_style(c4, self.design))}
        if c5 is not None:
            within = self.block("z")
            joint = self.fit(self.style_terms(), sloped("z_star_w"))
            block = block_test(joint, "patient style", within)
            fits["c5"] = self.kept("c5", c5, patient_style(c5, self.design), [block])
        return fits

    def style_terms(self) -> list[str]:
        """Terms of C4: the patient's scales at both levels where there are any, and the therapist's style."""
        scales = self.design["scaling"]["z"]["scales"] if "z" in self.design["scaling"] else []
        return [*(f"z_{scale}_{part}" for scale in scales for part in "wb"), "s_star"]

    def style_models(self):
        """The fits behind C4 and C5; None for C5 where the patient's style was not asked for."""
        asked = "z" in self.design["scaling"]
        return self.fit(self.style_terms(), INTERCEPT), self.fit(C5, sloped("z_star_w")) if asked else None


def _shared(members: pd.DataFrame, patients: pd.Series) -> dict[str, Membership] | None:
    """Weights of the rows' patients by therapist, where some patients switch."""
    used = members[members["weight"] > 0]
    used = used[used["patient"].isin(patients)]
    if not used["patient"].duplicated().any():
        return None
    row, people = pd.factorize(patients)
    return {"therapist": membership(used, people).rows(row)}


def standardised(result, design: dict, term: str = "a_star_w") -> list[dict]:
    """P, T, P-T and P+T in outcome SD per reference SD; P is the slope of ``term``.

    Where the SDs are this sample's own, standard errors allow for that (:mod:`bowlby.fit.units`).
    """
    errors, side = design["sd_error"], term[0]
    if side != "a" and errors:  # another rating in the place of perceived attachment
        errors = errors | {"a": errors[side]}
    asked = slopes(design, term).items()
    return units.standardised([contrast(result, name, weights) for name, weights in asked], errors)


def slopes(design: dict, term: str = "a_star_w") -> dict[str, dict[str, float]]:
    """Weights of P, T, P-T and P+T in outcome SD per reference SD; P is the slope of ``term``."""
    unit = 1.0 / design["sd_outcome"]
    return {
        "P": {term: unit},
        "T": {"s_star": unit},
        "P-T": {term: unit, "s_star": -unit},
        "P+T": {term: unit, "s_star": unit},
    }


def perceived_style(result, design: dict) -> list[dict]:
    """T_A of the model of C4: slope of the therapist's style, per reference SD of both."""
    return units.standardised([contrast(result, "T_A", {"s_star": 1.0})], design["sd_error"])


def patient_style(result, design: dict) -> list[dict]:
    """Z of the model of C5: slope of the patient's own style within therapists, per reference SD of both."""
    return units.standardised([contrast(result, "Z", {"z_star_w": 1.0})], design["sd_error"])


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
    result = one.fit(["a_star_w", "s_star"], SLOPE)
    contrasts = standardised(result, primary.design)
    c4, c5 = Fitter(perceived.data, perceived.membership, perceived.design).style_models()
    contrasts += perceived_style(c4, perceived.design) + patient_style(c5, perceived.design)
    return {c["name"]: c for c in contrasts}, bool(result.singular)
