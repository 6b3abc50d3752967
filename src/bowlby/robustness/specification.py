"""The multiverse's specifications: every combination of choices one could have made with these data."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from itertools import product
from math import prod

from bowlby.config.robustness import Multiverse
from bowlby.config.run import Run
from bowlby.robustness.address import Address

KIND = "multiverse"


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
    asked, comparison = run.robustness.multiverse, run.comparison
    registered = replace(Specification(), switching=comparison.switching)
    wanted, dropped = _wanted(asked, run, scores, occasions), []
    reasons = _inadmissible(asked, run, scores, people, occasions)
    levels = {}
    for node, found in wanted.items():
        own = getattr(registered, node)
        kept = [level for level in found if level != own and (node, level) not in reasons]
        dropped += [{"node": node, "level": level, "reason": reasons[node, level]}
                    for level in found if level != own and (node, level) in reasons]  # fmt: skip
        levels[node] = [own, *kept]
    return Choices(levels, dropped)


def _wanted(asked: Multiverse, run: Run, scores: dict, occasions: list[str]) -> dict[str, list[str]]:
    """Levels that the configuration asks for, single scales and occasions by name."""
    comparison = run.comparison
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
    comparison, out = run.comparison, {}
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
        out["covariates", "none"] = "no covariate is registered"
    if not asked.more_covariates:
        out["covariates", "more"] = "more_covariates names none"
    episodes = people["episodes"].dropna(subset=["therapist"])
    if not episodes["patient"].duplicated().any():
        out |= {("switching", way): "no patient switches" for way in ("share", "first", "last", "equal")}
    if not any(f"{scale}_prorated" in scores[instrument] and scores[instrument][f"{scale}_prorated"].any()
               for instrument, scale in scored(run)):  # fmt: skip
        out["answers", "complete"] = "no score of these scales is prorated"
    return out


def scored(run: Run) -> list[tuple[str, str]]:
    """Instrument and scale of the outcome and of perceived attachment."""
    perceived = run.comparison.perceived
    return [(run.outcome.instrument, run.outcome.scale), *((perceived.instrument, s) for s in perceived.weights)]


def specifications(found: Choices, seed: int, most: int) -> list[Specification]:
    """All combinations, or a seeded sample of them; the registered one is the first.

    Parameters
    ----------
    found : Choices
    seed : int
        The run's.
    most : int
    """
    combinations = [Specification(*levels) for levels in product(*found.levels.values())]
    if len(combinations) <= most:
        return combinations
    order = Address(seed, KIND, 0).generator().permutation(len(combinations) - 1)[: most - 1] + 1
    return [combinations[0], *(combinations[k] for k in sorted(order))]
