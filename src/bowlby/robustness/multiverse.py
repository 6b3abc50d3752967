"""The multiverse: specifications that could have been chosen, and the claims in each."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from itertools import product
from math import prod

import numpy as np
import pandas as pd

from bowlby import terms
from bowlby.config.robustness import Multiverse
from bowlby.config.run import Run
from bowlby.design.frame import Patients, main_therapists, patients
from bowlby.design.primary import analysis_set
from bowlby.effect import effects_of
from bowlby.errors import UserError, existing, problem
from bowlby.fit import units
from bowlby.fit.models import Fitter
from bowlby.fit.record import contrasts
from bowlby.robustness.refit_claims import SLOPES, Answer
from bowlby.robustness.replicates import FAILED, OK, SINGULAR, Address, table
from bowlby.terms import P, T


@dataclass(frozen=True)
class Specification:
    """One way to analyse the study; see :class:`bowlby.config.robustness.Multiverse` for the choices."""

    outcome: str = "ancova"
    answers: str = "prorated"
    perceived: str = "composite"
    style: str = "composite"
    occasion: str = "registered"
    covariates: str = "registered"
    between: str = "out"
    switching: str = "share"
    slope: str = "uncorrelated"
    caseload: str = "1"
    outliers: str = "keep"


NODES = tuple(asdict(Specification()))


@dataclass(frozen=True)
class Choices:
    """The levels of every node that these data admit, and those they do not.

    Attributes
    ----------
    levels : dict of list of str
        By node, the registered choice first.
    dropped : list of dict
        node, level, reason.
    """

    levels: dict[str, list[str]]
    dropped: list[dict]

    @property
    def size(self) -> int:
        """Number of combinations."""
        return prod(map(len, self.levels.values()))


def choices(run: Run, scores: dict, people: dict, occasions: list[str]) -> Choices:
    """What can be chosen with these data.

    Parameters
    ----------
    run : Run
        With a comparison and robustness.
    scores, people : dict of DataFrame
        As the design stage reads them.
    occasions : list of str
        The study's, in order.
    """
    asked, comparison = existing(run.robustness).multiverse, existing(run.comparison)
    registered = replace(Specification(), switching=comparison.switching)
    wanted, dropped = _wanted(asked, run, scores, occasions), []
    reasons = _inadmissible(asked, run, scores, people, occasions)
    levels = {}
    for node, alternatives in wanted.items():
        own = getattr(registered, node)
        kept = [level for level in alternatives if level != own and (node, level) not in reasons]
        dropped += [{"node": node, "level": level, "reason": reasons[node, level]}
                    for level in alternatives if level != own and (node, level) in reasons]  # fmt: skip
        levels[node] = [own, *kept]
    return Choices(levels, dropped)


def _wanted(asked: Multiverse, run: Run, scores: dict, occasions: list[str]) -> dict[str, list[str]]:
    """Levels that the configuration asks for, single scales and occasions by name."""
    comparison = existing(run.comparison)
    wanted = {node: [str(level) for level in getattr(asked, node)] for node in NODES}
    for node, block in (("perceived", comparison.perceived), ("style", comparison.therapist_style)):
        if "single" in wanted[node]:
            at = wanted[node].index("single")
            wanted[node][at : at + 1] = [scale for scale, weight in block.weights.items() if weight]
    if "other" in wanted["occasion"]:
        table = scores[comparison.perceived.instrument]
        answered = set(table.loc[table["about"] == comparison.perceived.about, "occasion"])
        at = wanted["occasion"].index("other")
        others = [o for o in occasions if o in answered and o != comparison.perceived.occasion]
        wanted["occasion"][at : at + 1] = others
    return wanted


def _inadmissible(asked: Multiverse, run: Run, scores: dict, people: dict, occasions: list[str]) -> dict:
    """Reason of every level that these data do not admit, by node and level."""
    comparison, out = existing(run.comparison), {}
    order = {o: k for k, o in enumerate(occasions)}
    for occasion, place in order.items():
        if run.outcome.post and place >= order[run.outcome.post]:
            out["occasion", occasion] = "perceived attachment would be measured at or after the outcome"
    if len(comparison.perceived.weights) < 2:
        out["perceived", "joint"] = "perceived attachment has one scale"
    for node, block in (("perceived", comparison.perceived), ("style", comparison.therapist_style)):
        if sum(map(bool, block.weights.values())) < 2:
            out |= {(node, scale): "the composite is this scale" for scale in block.weights}
    if not comparison.covariates:
        out["covariates", "none"] = "the main analysis has no covariate"
    if not asked.more_covariates:
        out["covariates", "more"] = "more_covariates names none"
    episodes = people["episodes"].dropna(subset=["therapist"])
    if not episodes["patient"].duplicated().any():
        out |= {("switching", way): "no patient switches" for way in ("share", "first", "last", "equal")}
    if not any(f"{scale}_prorated" in scores[instrument] and scores[instrument][f"{scale}_prorated"].any()
               for instrument, scale in scales_scored(run)):  # fmt: skip
        out["answers", "complete"] = "no score of these scales is prorated"
    return out


def scales_scored(run: Run) -> list[tuple[str, str]]:
    """Instrument and scale of the outcome and of perceived attachment."""
    perceived = existing(run.comparison).perceived
    return [(run.outcome.instrument, run.outcome.scale), *((perceived.instrument, s) for s in perceived.weights)]


def specifications(alternatives: Choices, seed: int, most: int) -> list[Specification]:
    """All combinations, or a seeded sample of them; the registered one is the first.

    Parameters
    ----------
    alternatives : Choices
    seed : int
        The run's.
    most : int
    """
    combinations = [Specification(*levels) for levels in product(*alternatives.levels.values())]
    if len(combinations) <= most:
        return combinations
    order = Address(seed, "multiverse", 0).generator().permutation(len(combinations) - 1)[: most - 1] + 1
    return [combinations[0], *(combinations[k] for k in sorted(order))]


COUNTS = ("patients", "therapists")
NUMBERS = (*(name + part for name in SLOPES for part in ("", "_se", "_df")), "P-|T|")
CLAIMS_DECIDED = ("C1", "C2", "C3")


@dataclass
class StudyInputs:
    """The study before any choice is made.

    Attributes
    ----------
    run : Run
    scores, people : dict of DataFrame
    occasions : list of str
    """

    run: Run
    scores: dict[str, pd.DataFrame]
    people: dict[str, pd.DataFrame]
    occasions: list[str]
    _patients: dict = field(default_factory=dict, repr=False)

    @cached_property
    def specifications(self) -> list[Specification]:
        """Those that are tried."""
        alternatives = choices(self.run, self.scores, self.people, self.occasions)
        return specifications(alternatives, self.run.seed, existing(self.run.robustness).replicates.multiverse)

    def patients(self, spec: Specification) -> Patients:
        """Patients under the choices that scores and memberships depend on, kept for the next specification."""
        key = (spec.answers, spec.occasion, spec.switching)
        if key not in self._patients:
            scores = complete_only(self.run, self.scores) if spec.answers == "complete" else self.scores
            self._patients[key] = patients(self.chosen_run(replace(spec, covariates="more")), scores, self.people)
        most, wanted = self._patients[key], existing(self.chosen_run(spec).comparison).covariates
        covariates = {column: name for column, name in most.covariates.items() if name in wanted}
        frame = most.frame.drop(columns=[column for column in most.covariates if column not in covariates])
        return replace(most, frame=frame, covariates=covariates)

    def chosen_run(self, spec: Specification) -> Run:
        """The configuration with a specification's switching, covariates and occasion."""
        comparison = existing(self.run.comparison)
        named = existing(self.run.robustness).multiverse.more_covariates
        more = [c for c in named if c not in comparison.covariates]
        covariates = {"registered": comparison.covariates, "none": [], "more": [*comparison.covariates, *more]}
        change: dict = {"switching": spec.switching, "covariates": covariates[spec.covariates]}
        if spec.occasion != "registered":
            change["perceived"] = comparison.perceived.model_copy(update={"occasion": spec.occasion})
        return self.run.model_copy(update={"comparison": comparison.model_copy(update=change)})


def complete_only(run: Run, scores: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Scores in which what was prorated is missing."""
    out = dict(scores)
    for instrument, scale in scales_scored(run):
        flag = f"{scale}_prorated"
        if flag in out[instrument]:
            given = out[instrument][flag].fillna(False).astype(bool)
            out[instrument] = out[instrument].assign(**{scale: out[instrument][scale].mask(given)})
    return out


@dataclass(frozen=True)
class PreparedSpecification:
    """One specification ready to be fitted.

    Attributes
    ----------
    fitter : Fitter
    terms : list of str
    random : list of dict
    contrasts : dict of dict
        Weights of P, T, P-T, P+T.
    """

    fitter: Fitter
    terms: list[str]
    random: list[dict]
    contrasts: dict[str, dict]

    def fit(self):
        """The specification's fit."""
        return self.fitter.fit(self.terms, self.random)


def prepare_specification(universe: StudyInputs, spec: Specification) -> PreparedSpecification:
    """Rows, model and contrasts of a specification.

    Raises
    ------
    UserError
        Where the comparison cannot be made so.
    """
    run, sample = universe.chosen_run(spec), universe.patients(spec)
    frame = _sides(run, sample.frame, spec)
    frame = few_patients(frame, sample.episodes, int(spec.caseload))
    frame = outliers(frame, spec.outliers)
    if spec.outcome == "change":
        frame["y"] = frame["y"] - frame["baseline"]
    built = analysis_set(run, replace(sample, frame=frame), universe.people, "primary", described=False)
    fitter = Fitter(built.data, built.membership, built.design)
    if spec.outcome == "change":
        fitter.base = [term for term in fitter.base if term not in terms.BASELINE]
    unit = 1.0 / built.design["sd_outcome"]
    p = fitter.direction("perceived", unit) if spec.perceived == "joint" else {P: unit}
    fixed = [*p, T, *([terms.P_BETWEEN] if spec.between == "in" else [])]
    together = [{"group": "therapist", "terms": ["1", P]}]
    random = {"uncorrelated": terms.M1_RANDOM, "none": terms.INTERCEPT, "correlated": together}[spec.slope]
    t = {T: unit}
    weights = {"P": p, "T": t, "P-T": {**p, T: -unit}, "P+T": {**p, **t}}
    return PreparedSpecification(fitter, fixed, random, weights)


def _sides(run: Run, frame: pd.DataFrame, spec: Specification) -> pd.DataFrame:
    """Put single scales in the place of composites, turned so that the registered direction stays."""
    for variable, choice in (("perceived", spec.perceived), ("therapist_style", spec.style)):
        if choice not in ("composite", "joint"):
            weight = getattr(run.comparison, variable).weights[choice]
            frame[variable] = np.sign(weight) * frame[terms.column(variable, choice)]
    return frame


def few_patients(frame: pd.DataFrame, episodes: pd.DataFrame, least: int) -> pd.DataFrame:
    """Leave out the patients of therapists with fewer than ``least`` of them (main therapist, complete rows)."""
    if least <= 1:
        return frame
    therapist = main_therapists(episodes).reindex(frame.index)
    complete = frame[["baseline", "y", "perceived", "therapist_style"]].notna().all(axis=1)
    count = therapist.map(therapist[complete].value_counts()).fillna(0)
    return frame.assign(y=frame["y"].where(count >= least))


def outliers(frame: pd.DataFrame, treatment: str) -> pd.DataFrame:
    """Treat patients far from the mean in outcome given baseline, or in perceived attachment.

    ``drop_k`` leaves them out; ``winsorise_k`` moves the values to k SD from the mean (for the outcome from what
    baseline foretells).
    """
    if treatment == "keep":
        return frame
    way, _, limit = treatment.partition("_")
    k = float(limit)
    both = frame[["baseline", "y"]].dropna()
    if len(both) < 3:
        raise UserError(problem("fewer than three patients are left", "nothing to do: the specification is left out"))
    slope, level = np.polyfit(both["baseline"], both["y"], 1)
    expected = level + slope * frame["baseline"]
    rest = frame["y"] - expected
    a = frame["perceived"]
    if way == "drop":
        far = (rest.abs() > k * rest.std()) | ((a - a.mean()).abs() > k * a.std())
        return frame.assign(y=frame["y"].mask(far))
    moved = {"y": expected + rest.clip(-k * rest.std(), k * rest.std())}
    for column in terms.columns_of(frame, "perceived"):
        values = frame[column]
        moved[column] = values.clip(values.mean() - k * values.std(), values.mean() + k * values.std())
    return frame.assign(**moved)


def multiverse(universe: StudyInputs, first: int, last: int) -> pd.DataFrame:
    """Specifications ``first`` to ``last - 1``; specification 0 is the registered analysis.

    Returns
    -------
    DataFrame
        A column a node with the level chosen; patients, therapists; P, T, P-T, P+T, each with ``_se`` and ``_df``;
        ``P-|T|``; verdicts C1, C2, C3; ``reason`` where a specification could not be fitted.
    """
    specs = universe.specifications
    rows, status = [], []
    for spec in specs[first:last]:
        row, state = _try(universe, spec)
        rows.append(asdict(spec) | row)
        status.append(state)
    types = dict.fromkeys(COUNTS, "Int64") | dict.fromkeys(NUMBERS, float)
    columns = pd.DataFrame(rows, columns=[*NODES, *COUNTS, "reason", *NUMBERS, *CLAIMS_DECIDED]).astype(types)
    addresses = [Address(universe.run.seed, "multiverse", number) for number in range(first, first + len(rows))]
    return table(addresses, status, {c: columns[c] for c in columns})


def _try(universe: StudyInputs, spec: Specification) -> tuple[dict, str]:
    try:
        made = prepare_specification(universe, spec)
        result = made.fit()
        kept = contrasts(result, made.contrasts)
    except UserError as error:
        return {"reason": "; ".join(error.problems)}, FAILED
    answer = Answer(effects_of(units.standardised(kept, made.fitter.design["sd_error"])))
    row = {"patients": len(made.fitter.data), "therapists": made.fitter.data["therapist"].nunique()}
    for name in SLOPES:
        effect = answer.effects[name]
        row |= {name: effect.estimate, f"{name}_se": effect.se, f"{name}_df": effect.df}
    row["P-|T|"] = row["P"] - abs(row["T"])
    verdicts = answer.verdicts(existing(universe.run.comparison).delta)
    return row | {name: verdicts[name]["verdict"] for name in CLAIMS_DECIDED}, SINGULAR if result.singular else OK
