"""The page of operating characteristics: what was tested, whether anything fails, then the tables."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bowlby.simulate.scenarios import SCENARIOS, Scenario
from validation.characteristics import CHECKS, CLAIMS, EFFECTS, REFUTE, REPORTED, SUPPORT
from validation.scenario_truth import slopes
from validation.world_rates import WARNINGS, WORLD_DESIGNS, WRONG
from validation.worlds import WORLDS

TITLES = {
    "C1": "perceived attachment predicts outcome (P > 0)",
    "C2": "perceived attachment more than therapist style (P > |T|)",
    "C3": "therapist style negligible for outcome (|T| < .10)",
    "C4": "therapist style negligible for perceived attachment",
    "C5": "patient style predicts perceived attachment",
}
ABSENT = "–"
ALWAYS = "1.000; 1.000; +.000 ± .000"


HEAD = """# Operating characteristics
{start}
This page reports how often verdicts are correct and wrong in simulated studies with known truth. The studies
are analysed with bowlby's own analysis sets, models and decision rules.
{size}
The page is written by `make validate`. `validation.csv` contains every number of the tables with its interval.

A cell is judged in view of its Monte Carlo error (99.9% intervals):

- *wrong verdicts*: fails if the lower limit of the rate exceeds 1.2 times the nominal rate;
- *coverage* of 95% intervals, 31 therapists or more: fails if its interval lies wholly outside .94 to .96
  (higher coverage is allowed if a true variance is 0, because intervals are then too wide and never too
  narrow);
- *power*: fails if the loss relative to the oracle in the same studies exceeds .05 (under 31 therapists) or
  .03. The oracle knows the true ratios of all variances. It estimates the same contrasts by generalised least
  squares, with the residual variance estimated and J − 1 − k degrees of freedom (k columns vary between
  therapists alone);
- *qualifications*: if perceived attachment has an association but no effect (S6, S7), a supported C1 or C2 without both
  qualifications fails.

Everything else is reported, not judged. Higher outcomes are better; slopes are in SDs."""
SESSIONS_HEAD = """# Operating characteristics with session data
{start}
This page reports how often verdicts are correct and wrong if outcome and perceived attachment are measured at
every session and the claims are decided on patients' means around a landmark (`perceived.sessions: 5`,
`outcome.after: 5`). Simulated session scores are analysed with bowlby's own functions: patients' means,
analysis sets, models, decision rules.
{size}
The page is written by `make validate-sessions`. `validation_sessions.csv` contains every number with its
interval. The criteria are those of [validation.md](validation.md), by 99.9% intervals.
The oracle knows the true variances at the level of patients' means, averaged over patients, who have unequal
numbers of sessions."""


def page(
    table: pd.DataFrame,
    seed: int,
    notes: str = "",
    cases: dict[str, Scenario] = SCENARIOS,
    head: str = HEAD,
    name: str = "validation",
    more: dict[str, dict[str, str]] | None = None,
) -> str:
    """Write the page.

    Parameters
    ----------
    table : DataFrame
        Of :func:`validation.characteristics.characteristics`.
    seed : int
    notes : str
        What is to be said about the results (Markdown), placed after the failures; what comes before a line
        ``<!-- failures -->`` begins the page.
    cases : dict of Scenario
        By id; what is true.
    head : str
        How the page begins; ``{size}`` is replaced.
    name : str
        Of the page's files.
    more : dict of dict of str
        Further columns of the table of scenarios: text by heading and id.

    Returns
    -------
    str
        Markdown.
    """
    of_world = table["scenario"].isin(WORLDS)
    table, worlds = table[~of_world], table[of_world]
    *first, rest = notes.split("<!-- failures -->", 1)
    start = f"\n{first[0].strip()}\n\n## What was simulated\n" if first else ""
    parts = [head.format(size=_size(table, seed), start=start), failures(pd.concat([table, worlds]))]
    parts += [rest.strip()] if rest.strip() else []
    parts += [_worlds(worlds)] if len(worlds) else []
    parts += [f"![Rates with their intervals and criteria]({name}.png)", _truths(table, cases, more or {})]
    parts += [_claim(table, cases, claim) for claim in CLAIMS]
    parts += [_coverage(table), _checks(table), _singular(table)]
    return "\n\n".join(parts) + "\n"


def _size(table: pd.DataFrame, seed: int) -> str:
    """How many studies there are of what, and the Monte Carlo error that goes with their number."""
    counts = table["n"][table["quantity"] == "singular"]
    fewest, most = counts.min(), counts.max()
    errors = [_error(n) for n in sorted({fewest, most})]
    error = " with the fewest and ".join(errors) + (" with the most" if len(errors) > 1 else "")
    return (f"{table['scenario'].nunique()} scenarios, {table['design'].nunique()} designs (therapists × average "
            f"patients of one,\ncaseloads unequal), {_several(counts)} studies in each; seed {seed}. The Monte Carlo "
            f"standard error of a\nrate of .025 is {error}.")  # fmt: skip


def _error(n: int) -> str:
    """Monte Carlo standard error of a rate of .025."""
    return number(np.sqrt(0.025 * 0.975 / n))


def failures(table: pd.DataFrame) -> str:
    judged, bad = table[table["verdict"] != "reported"], table[table["verdict"] == "fails"]
    parts = ["## Does anything fail?", f"{len(judged):,} rates and differences judged, **{len(bad)} fail**."]
    if len(bad):
        rows = [[r.scenario, sized(r.design), r.quantity, number(r.rate), f"{number(r.low)} to {number(r.high)}",
                 number(r.bar), f"{r.n:,}"] for r in bad.itertuples()]  # fmt: skip
        heads = ["scenario", "design", "quantity", "rate", "99.9% interval", "criterion", "studies"]
        parts.append(grid(heads, rows))
    return "\n\n".join(parts)


def _worlds(table: pd.DataFrame) -> str:
    """What worlds do to the claims, and what corrects or shows it."""
    counts = table["n"][table["quantity"] == WRONG]
    rows: list[list[str]] = []
    for name in _scenarios(table):
        part = table[table["scenario"] == name]
        for quantity in dict.fromkeys(part["quantity"]):
            found = _wide(part, quantity, exact=True)
            bars = part.loc[part["quantity"] == quantity, "bar"].dropna()
            rows.append([name if not rows or rows[-1][5] != name else "", quantity,
                         *(found.get((name, d), ABSENT) for d in WORLD_DESIGNS), name,
                         number(bars.iloc[0]) if len(bars) else ABSENT])  # fmt: skip
    own = table["quantity"].str.startswith("warning, all") & ~table["quantity"].str.endswith(WARNINGS["baseline"])
    warned = table["n"][own].max()
    text = f"""In most of these scenarios the model of the comparison does not hold. {_several(counts)} studies
in each give the rates *as decided* in the main analysis, and those after correction for measurement error.
The scenario's warning was computed in up to
{warned:,} of them and in every study with a wrong decision. A decision is wrong if a claim is supported or refuted
against the truth, or if the 95% interval of P or T does not include the true value. The corrections use the true
reliabilities. Criteria after correction are .025 for false support of C1 or C2 (fails if the lower limit exceeds
.03) and .95 for coverage (fails if the upper limit is below .94). Criteria for a warning are .80 of wrong
decisions, and at most .10 of studies of a scenario in which the model holds.
The Monte Carlo standard error of a rate of .025 is
{_error(counts.min())} in {counts.min():,} studies and {_error(counts.max())} in {counts.max():,}. Designs with
{ABSENT} were not simulated."""
    return "\n\n".join([
        "## Further scenarios, in which a claim could err",
        text,
        "\n".join(f"- {name}: {WORLDS[name].what}." for name in _scenarios(table)),
        grid(["scenario", "rate", *map(sized, WORLD_DESIGNS), "criterion"], [row[:5] + row[6:] for row in rows]),
    ])  # fmt: skip


def _several(counts: pd.Series) -> str:
    """A number of studies, or from which to which."""
    fewest, most = counts.min(), counts.max()
    return f"{fewest:,}" if fewest == most else f"{fewest:,} to {most:,}"


def _truths(table: pd.DataFrame, cases: dict[str, Scenario], more: dict[str, dict[str, str]]) -> str:
    words, rows = {True: "true", False: "false", None: ABSENT}, []
    for name in _scenarios(table):
        case, truth = cases[name], slopes(cases[name])
        rows.append([name, case.what, f"{truth['P']:.3g}", f"{truth['T']:.3g}", *(text[name] for text in more.values()),
                     *(words[c] for c in case.claims)])  # fmt: skip
    return "\n\n".join([
        "## Scenarios",
        "P and T are the slopes that the observed composites have in the population, the targets of the intervals.",
        grid(["", "what is true", "P", "T", *more, *CLAIMS], rows),
        *(f"{name}: coverage is reported only; {reason}." for name, reason in REPORTED.items() if name in cases),
    ])  # fmt: skip


def _claim(table: pd.DataFrame, cases: dict[str, Scenario], claim: str) -> str:
    """Wrong and open verdicts by scenario; support beside the oracle's where the claim is not false."""
    designs = _designs(table)
    truth = {name: cases[name].claims[CLAIMS.index(claim)] for name in _scenarios(table)}
    wrong, open_ = _wide(table, f"{claim} false"), _wide(table, f"{claim} inconclusive")
    words = {True: "true", False: "false", None: "association"}
    heads = [f"wrong, {sized(d)}" for d in designs] + [f"inconclusive, {sized(d)}" for d in designs]
    rows = [
        [name, words[true], *(wrong.get((name, d), ABSENT) for d in designs),
         *(open_.get((name, d), ABSENT) for d in designs)]
        for name, true in truth.items()
    ]  # fmt: skip
    power = [[name, words[true], *(_power(table, claim, name, d) for d in designs)]
             for name, true in truth.items() if true is not False]  # fmt: skip
    return "\n\n".join([
        f"## {claim}: {TITLES[claim]}",
        f"Nominal rates: false support {number(SUPPORT[claim])}, false refutation {number(REFUTE[claim])}. Wrong is "
        "support of a false claim, refutation of a true one.",
        *_grid_without(["scenario", "claim", *heads], rows, {".000", ABSENT},
                       "Wrong and inconclusive in under .0005 of studies"),
        "Power: supported; oracle; difference in the same studies ± half of its 99.9% interval.",
        *_grid_without(["scenario", "claim", *map(sized, designs)], power, {ALWAYS, "1.000", ABSENT},
                       "Always supported, by the oracle too"),
    ])  # fmt: skip


def _power(table: pd.DataFrame, claim: str, name: str, design: str) -> str:
    cell = table[(table["scenario"] == name) & (table["design"] == design)].set_index("quantity")
    if f"{claim} supported" not in cell.index:
        return ABSENT
    own = number(cell.loc[f"{claim} supported", "rate"])
    if f"{claim} power difference" not in cell.index:
        return own
    oracle, difference = cell.loc[f"{claim} oracle", "rate"], cell.loc[f"{claim} power difference"]
    text = f"{own}; {number(oracle)}; {number(difference['rate'], sign=True)} ± "
    text += number(difference["high"] - difference["rate"])
    return f"**{text}**" if difference["verdict"] == "fails" else text


def _coverage(table: pd.DataFrame) -> str:
    designs = _designs(table)
    found = {effect: _wide(table, f"coverage {effect}", exact=True) for effect in EFFECTS}
    rows = [[name, *(", ".join(found[effect].get((name, d), ABSENT) for effect in EFFECTS) for d in designs)]
            for name in _scenarios(table)]  # fmt: skip
    return "\n\n".join([
        "## Coverage of 95% intervals",
        "In each cell P, T, P−T, P+T.",
        grid(["scenario", *map(sized, designs)], rows),
    ])  # fmt: skip


def _checks(table: pd.DataFrame) -> str:
    designs, rows = _designs(table), []
    for quantity in ("mean P", "mean T", *(check.quantity for check in CHECKS)):
        found = _wide(table, quantity, exact=True)
        for name in dict.fromkeys(scenario for scenario, _ in found):
            rows.append([name, quantity, *(found.get((name, d), ABSENT) for d in designs)])
    rows.sort(key=lambda row: _scenarios(table).index(row[0]))
    return "## What some scenarios are there to show\n\n" + grid(["scenario", "quantity", *map(sized, designs)], rows)


def _singular(table: pd.DataFrame) -> str:
    designs, found = _designs(table), _wide(table, "singular", exact=True)
    rows = [[name, *(found.get((name, d), ABSENT) for d in designs)] for name in _scenarios(table)]
    return "\n\n".join([
        "## Fits with a variance of 0",
        "Share of primary fits in which a variance between therapists is estimated as 0; its term stays in the model.",
        grid(["scenario", *map(sized, designs)], rows),
    ])  # fmt: skip


def grid(heads: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    return "\n".join(lines + [f"| {' | '.join(row)} |" for row in rows])


def _grid_without(heads: list[str], rows: list[list[str]], plain: set[str], what: str) -> list[str]:
    """A table of the rows that are not plain in every cell; the others in one sentence."""
    open_ = [row for row in rows if not set(row[2:]) <= plain]
    rest = [row[0] for row in rows if set(row[2:]) <= plain]
    parts = [grid(heads, open_)] if open_ else []
    return parts + ([f"{what}: {', '.join(rest)}."] if rest else [])


def _designs(table: pd.DataFrame) -> list[str]:
    return list(table["design"].unique())


def _scenarios(table: pd.DataFrame) -> list[str]:
    return list(table["scenario"].unique())


def sized(design: str) -> str:
    return design.replace("x", " × ")


def _wide(table: pd.DataFrame, quantity: str, exact: bool = False) -> dict[tuple[str, str], str]:
    """Rates as text by scenario and design, bold where they fail."""
    chosen = table["quantity"].eq(quantity) if exact else table["quantity"].str.startswith(quantity)
    return {
        (r.scenario, r.design): f"**{number(r.rate)}**" if r.verdict == "fails" else number(r.rate)
        for r in table[chosen].itertuples()
    }


def number(rate: float, sign: bool = False) -> str:
    """A rate without its leading zero, as the field prints it."""
    text = f"{rate:+.3f}" if sign else f"{rate:.3f}"
    return text.replace("0.", ".", 1).replace("-", "−")
