"""What ``bowlby plan`` prints: two tables, what their columns mean, and conclusions."""

from __future__ import annotations

import textwrap

import pandas as pd

from bowlby.simulate.planning import CLAIMS, TRUTHS
from bowlby.simulate.scenarios import Scenario, scenario
from bowlby.tables.words import CLAIMS as WORDS

WIDTH = 100
ENOUGH = 0.8
MEANING = (
    "ICC: share of the outcome variance between therapists, including their style. Detectable: smallest slope of style "
    "(SD of outcome per SD of style) that a study detects with 80% power. Maximum possible: no slope of style can be "
    "larger at that ICC. Half-width: of the 90% interval of the slope; style can be shown to be negligible only if it "
    "is below {delta:g}. P(shown negligible): probability of showing this if the slope of style is 0. These values are "
    "computed by a formula for an average study; if simulated studies differ from it (C3), rely on the simulation."
)
CELLS = (
    "P and T are the true slopes of perceived attachment and of the therapist's own style, in SD of outcome. Each cell "
    "gives whether the claim is true in that case, and the percentage of studies in which it is supported and refuted; "
    "the remaining studies are inconclusive. The simulation error of these percentages is about {error:.0%} (SE)."
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
    """The formula's results as a table, one row per ICC."""
    from rich.table import Table

    table = Table(title=f"Effects of style detectable with {therapists} therapists and {patients:g} patients each")
    for head in ("ICC", "detectable (80% power)", "maximum possible", "half-width", "P(shown negligible)"):
        table.add_column(head, justify="right")
    for line in grid.itertuples(index=False):
        table.add_row(f"{line.icc:g}", f"{line.minimum_detectable:.2f}", f"{line.largest_possible:.2f}",
                      f"{line.half_width_90:.2f}", f"{line.equivalence_power:.0%}")  # fmt: skip
    return table


def style_conclusion(line: dict, delta: float) -> str:
    """Conclusion from the formula at one ICC."""
    least, most = line["minimum_detectable"], line["largest_possible"]
    detectable = (
        f"an effect of style is detectable (80% power) from {least:.2f} SD (the maximum possible is {most:.2f})"
        if least <= most
        else f"no effect of style is detectable with 80% power (this requires {least:.2f} SD; the maximum possible is "
        f"{most:.2f})"
    )
    shown = f"{line['equivalence_power']:.0%} of studies would show that it is negligible (within ±{delta:g})"
    return f"At an ICC of {line['icc']:g}, {detectable}. If the slope of style is 0, {shown}."


def verdict_table(verdicts: pd.DataFrame, delta: float, studies: int, icc: float):
    """Verdicts of simulated studies: one row per claim, one column per truth."""
    from rich.table import Table

    by = verdicts.set_index(["truth", "claim"])
    title = f"Verdicts of {studies:,} simulated studies in each of four populations (ICC {icc:g})"
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


def conclusions(verdicts: pd.DataFrame, delta: float) -> list[str]:
    """Conclusion on each claim: how often it is supported if it is true, and if it is not.

    Parameters
    ----------
    verdicts : DataFrame
        Of :func:`bowlby.simulate.planning.power`.
    delta : float
        Equivalence bound.

    Returns
    -------
    list of str
        One line per claim.
    """
    supported = verdicts.set_index(["truth", "claim"])["supported"]
    lines = []
    for claim in CLAIMS:
        share = {name: float(supported[words, claim]) for name, words in TRUTHS.items()}
        true = [name for name in TRUTHS if holds(scenario(name), delta)[claim]]
        wrong = max((share[name] for name in TRUTHS if name not in true), default=None)
        if not true:
            shown = "is true in none of the four cases"
        else:
            shown = f"is supported in {_where(claim, {name: share[name] for name in true})}"
        error = "" if wrong is None else f". If it is not true, it is supported in at most {wrong:.0%}"
        best = max((share[name] for name in true), default=1.0)
        advice = "" if best >= ENOUGH else f" Expect it to remain inconclusive; {HELP[claim]} would help."
        lines.append(f"With this design {claim} {shown}{error}.{advice}")
    return lines


def _where(claim: str, share: dict[str, float]) -> str:
    """How often a claim is supported under each truth for which it holds; irrelevant truths are combined."""
    if claim in ("C3", "C4"):
        what = "style has no effect" if claim == "C3" else "style has no effect on perceived attachment"
        return f"{_range(share)} of studies if {what}"
    if len(share) == len(TRUTHS):
        return f"{_range(share)} of studies, in all four cases"
    first, *more = (f"{value:.0%}{{}} if {truth(name)}" for name, value in share.items())
    return "; in ".join([first.format(" of studies"), *(line.format("") for line in more)])


def _range(share: dict[str, float]) -> str:
    low, high = (f"{100 * value:.0f}" for value in (min(share.values()), max(share.values())))
    return f"{low}%" if low == high else f"{low} to {high}%"
