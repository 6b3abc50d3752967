"""What ``bowlby plan`` prints: the claims and the truths in words, what the columns mean, and what to conclude."""

from __future__ import annotations

import textwrap

import pandas as pd

from bowlby.simulate.planning import CLAIMS, TRUTHS
from bowlby.simulate.scenarios import Scenario, scenario
from bowlby.tables.words import CLAIMS as WORDS

WIDTH = 100
ENOUGH = 0.8
MEANING = (
    "ICC: share of the outcome's variance between therapists, their style included. Smallest found: slope of style (SD "
    "of outcome per SD of style) that 80 of 100 such studies would find. Largest possible: no slope of style can be "
    "larger at that ICC. Half-width: of the 90% interval of the slope; style can be shown to be negligible only where "
    "it is below {delta:g}. Shown: how many of 100 studies would show that, if style does nothing. This is a formula "
    "for an average study; where simulated studies differ from it (C3), trust them."
)
CELLS = (
    "P and T are the true slopes of perceived attachment and of the therapist's own style, in SD of outcome. Each cell "
    "says whether the claim is true there, and in how many of 100 studies it would be supported and refuted; all "
    "others leave it open. Chance alone moves these numbers by about {error:.0%} (standard error)."
)
HELP = {
    "C1": "more patients",
    "C2": "more therapists and patients",
    "C3": "more therapists",
    "C4": "more therapists and patients",
    "C5": "more patients",
}


def holds(case: Scenario, delta: float) -> dict[str, bool]:
    """Which claims are true in a population, with an equivalence bound."""
    return {
        "C1": case.p > 0,
        "C2": case.p > abs(case.t),
        "C3": abs(case.t) < delta,
        "C4": abs(case.gamma) < delta,
        "C5": case.own > 0,
    }


def truth(name: str) -> str:
    """The slopes of a truth: "P = 0.38, T = 0"."""
    case = scenario(name)
    return f"P = {case.p:g}, T = {case.t:g}"


def style_table(grid: pd.DataFrame, therapists: int, patients: float):
    """The closed form as a table: one row an ICC."""
    from rich.table import Table

    table = Table(title=f"What {therapists} therapists with {patients:g} patients each could show of their style")
    for head in ("ICC", "smallest found", "largest possible", "half-width", "negligible shown"):
        table.add_column(head, justify="right")
    for line in grid.itertuples(index=False):
        table.add_row(f"{line.icc:g}", f"{line.minimum_detectable:.2f}", f"{line.largest_possible:.2f}",
                      f"{line.half_width_90:.2f}", f"{line.equivalence_power:.0%}")  # fmt: skip
    return table


def style_conclusion(line: dict, delta: float) -> str:
    """What the closed form says at one ICC."""
    least, most = line["minimum_detectable"], line["largest_possible"]
    found = (
        f"an effect of style can be found from {least:.2f} SD on (none can exceed {most:.2f})"
        if least <= most
        else f"no effect of style is sure to be found (it would take {least:.2f} SD; none can exceed {most:.2f})"
    )
    shown = f"that style is negligible (within ±{delta:g}) would be shown in {line['equivalence_power']:.0%} of studies"
    return f"At an ICC of {line['icc']:g}, {found}; {shown} if it does nothing."


def verdict_table(found: pd.DataFrame, delta: float, studies: int, icc: float):
    """Verdicts of simulated studies: a row a claim, a column a truth."""
    from rich.table import Table

    by = found.set_index(["truth", "claim"])
    title = f"Verdicts of {studies:,} simulated studies for each of four truths (ICC {icc:g})"
    table = Table(title=title, show_lines=True)
    table.add_column("claim", width=34)
    for name, words in TRUTHS.items():
        table.add_column(f"{_broken(words)}\n{truth(name).replace(', ', chr(10))}", width=12)
    true = {name: holds(scenario(name), delta) for name in TRUTHS}
    for claim in CLAIMS:
        cells = []
        for name, words in TRUTHS.items():
            row = by.loc[(words, claim)]
            says = "true" if true[name][claim] else "not true"
            cells.append(f"{says}\n{row['supported']:.0%} support\n{row['refuted']:.0%} refute")
        table.add_row(f"{claim}. {WORDS[claim]}".replace("δ", f"{delta:g}"), *cells)
    return table


def _broken(words: str) -> str:
    return "\n".join(textwrap.wrap(words, 12))


def conclusions(found: pd.DataFrame, delta: float) -> list[str]:
    """What to conclude of each claim: how often it would be shown where it is true, how often where it is not.

    Parameters
    ----------
    found : DataFrame
        Of :func:`bowlby.simulate.planning.power`.
    delta : float
        Equivalence bound.

    Returns
    -------
    list of str
        One line a claim.
    """
    supported = found.set_index(["truth", "claim"])["supported"]
    lines = []
    for claim in CLAIMS:
        share = {name: float(supported[words, claim]) for name, words in TRUTHS.items()}
        true = [name for name in TRUTHS if holds(scenario(name), delta)[claim]]
        wrong = max((share[name] for name in TRUTHS if name not in true), default=None)
        if not true:
            shown = "is true under none of the four"
        else:
            shown = f"can be shown in {_where(claim, {name: share[name] for name in true})}"
        error = "" if wrong is None else f". Where it is not true, it would be supported in at most {wrong:.0%}"
        best = max((share[name] for name in true), default=1.0)
        advice = "" if best >= ENOUGH else f" Expect it to stay open; {HELP[claim]} would help."
        lines.append(f"With this design {claim} {shown}{error}.{advice}")
    return lines


def _where(claim: str, share: dict[str, float]) -> str:
    """How often a claim is shown under each truth where it holds; truths that do not matter to it are put together."""
    if claim in ("C3", "C4"):
        what = "style does nothing" if claim == "C3" else "style does nothing to perceived attachment"
        return f"{_range(share)} of studies if {what}"
    if len(share) == len(TRUTHS):
        return f"{_range(share)} of studies, whichever of the four is true"
    first, *more = (f"{value:.0%}{{}} if {truth(name)}" for name, value in share.items())
    return "; in ".join([first.format(" of studies"), *(line.format("") for line in more)])


def _range(share: dict[str, float]) -> str:
    low, high = (f"{100 * value:.0f}" for value in (min(share.values()), max(share.values())))
    return f"{low}%" if low == high else f"{low} to {high}%"
