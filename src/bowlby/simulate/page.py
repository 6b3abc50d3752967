"""The page of operating characteristics: what was tested, whether anything fails, then the tables."""

from __future__ import annotations

import pandas as pd

from bowlby.simulate.characteristics import CLAIMS, EFFECTS, REFUTE, REPORTED, SHOWN, SUPPORT
from bowlby.simulate.scenarios import SCENARIOS, Scenario
from bowlby.simulate.truth import slopes

TITLES = {
    "C1": "perceived attachment predicts outcome (P > 0)",
    "C2": "perceived attachment more than therapist style (P > |T|)",
    "C3": "therapist style negligible for outcome (|T| < .10)",
    "C4": "therapist style negligible for perceived attachment",
    "C5": "patient style predicts perceived attachment",
}
ABSENT = "–"
ALWAYS = "1.000; 1.000; +.000 ± .000"


def page(table: pd.DataFrame, seed: int, notes: str = "") -> str:
    """Write the page.

    Parameters
    ----------
    table : DataFrame
        Of :func:`bowlby.simulate.characteristics.characteristics`.
    seed : int
    notes : str
        What is to be said about the results (Markdown), placed after the failures.

    Returns
    -------
    str
        Markdown.
    """
    parts = [_head(table, seed), failures(table)]
    parts += [notes.strip()] if notes.strip() else []
    parts += ["![Rates with their intervals beside the bars](validation.png)", _truths(table)]
    parts += [claim_tables(table, claim) for claim in CLAIMS]
    parts += [coverage_table(table), _shown(table), singular_table(table)]
    return "\n\n".join(parts) + "\n"


def _head(table: pd.DataFrame, seed: int) -> str:
    fewest, most = table["n"][table["quantity"] == "singular"].agg(["min", "max"])
    studies = f"{fewest:,}" if fewest == most else f"{fewest:,} to {most:,}"
    return f"""# Operating characteristics

How often the claims come out right and wrong in simulated studies whose truth is known, analysed by bowlby's own
analysis sets, models and decision rules.
{table["scenario"].nunique()} scenarios, {table["design"].nunique()} designs (therapists × average patients of one, \
case loads unequal), {studies} studies in each; seed {seed}.
Made by `make validate`; every number with its interval is in `validation.csv`.

A cell is judged with its Monte-Carlo error (99.9 % intervals):

- *wrong verdicts*: fails where the lower limit of the rate exceeds 1.2 times the nominal rate;
- *coverage* of 95 % intervals, 31 therapists or more: fails where its interval lies wholly outside .94 to .96 (above is
  allowed where a true variance is 0, because intervals are then too wide and never too narrow);
- *power*: fails where the loss against the oracle in the same studies is beyond .05 (under 31 therapists) or .03. The
  oracle knows the true ratios of all variances: the same contrasts by generalised least squares, residual variance
  estimated, J − 1 − k degrees of freedom (k columns vary between therapists alone);
- *qualifiers*: where perceived attachment has no effect but an association (S6, S7), a support of C1 or C2 without both
  qualifiers fails.

Everything else is reported, not judged. Outcome is turned so that higher is better; slopes are in SDs."""


def failures(table: pd.DataFrame) -> str:
    judged, bad = table[table["verdict"] != "reported"], table[table["verdict"] == "fails"]
    parts = ["## Does anything fail?", f"{len(judged):,} rates and differences judged, **{len(bad)} fail**."]
    if len(bad):
        rows = [[r.scenario, sized(r.design), r.quantity, number(r.rate), f"{number(r.low)} to {number(r.high)}",
                 number(r.bar), f"{r.n:,}"] for r in bad.itertuples()]  # fmt: skip
        heads = ["scenario", "design", "quantity", "rate", "99.9 % interval", "bar", "studies"]
        parts.append(grid(heads, rows))
    return "\n\n".join(parts)


def _truths(table: pd.DataFrame) -> str:
    words, rows = {True: "true", False: "false", None: ABSENT}, []
    for name in _scenarios(table):
        case: Scenario = SCENARIOS[name]
        truth = slopes(case)
        rows.append([name, case.what, f"{truth['P']:.3g}", f"{truth['T']:.3g}", *(words[c] for c in case.claims)])
    return "\n\n".join([
        "## Scenarios",
        "P and T are the slopes that the observed composites have in the population, the targets of the intervals.",
        grid(["", "what is true", "P", "T", *CLAIMS], rows),
        *(f"{name}: coverage is reported only; {reason}." for name, reason in REPORTED.items()),
    ])  # fmt: skip


def claim_tables(table: pd.DataFrame, claim: str) -> str:
    """Wrong and open verdicts by scenario; support beside the oracle's where the claim is not false."""
    designs = _designs(table)
    truth = {name: SCENARIOS[name].claims[CLAIMS.index(claim)] for name in _scenarios(table)}
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
        "Power: supported; oracle; difference in the same studies ± half of its 99.9 % interval.",
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


def coverage_table(table: pd.DataFrame) -> str:
    designs = _designs(table)
    found = {effect: _wide(table, f"coverage {effect}", exact=True) for effect in EFFECTS}
    rows = [[name, *(", ".join(found[effect].get((name, d), ABSENT) for effect in EFFECTS) for d in designs)]
            for name in _scenarios(table)]  # fmt: skip
    return "\n\n".join([
        "## Coverage of 95 % intervals",
        "In each cell P, T, P−T, P+T.",
        grid(["scenario", *map(sized, designs)], rows),
    ])  # fmt: skip


def _shown(table: pd.DataFrame) -> str:
    designs, rows = _designs(table), []
    for one in SHOWN:
        found = _wide(table, one.quantity, exact=True)
        for name in dict.fromkeys(scenario for scenario, _ in found):
            rows.append([name, one.quantity, *(found.get((name, d), ABSENT) for d in designs)])
    return "\n\n".join([
        "## What some scenarios are there to show",
        grid(["scenario", "quantity", *map(sized, designs)], rows),
    ])  # fmt: skip


def singular_table(table: pd.DataFrame) -> str:
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
    told = [row for row in rows if not set(row[2:]) <= plain]
    rest = [row[0] for row in rows if set(row[2:]) <= plain]
    parts = [grid(heads, told)] if told else []
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
