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
    parts = [_head(table, seed), _failures(table)]
    parts += [notes.strip()] if notes.strip() else []
    parts += ["![Rates with their intervals beside the bars](validation.png)", _truths(table)]
    parts += [_claim(table, claim) for claim in CLAIMS]
    parts += [_coverage(table), _shown(table), _singular(table)]
    return "\n\n".join(parts) + "\n"


def _head(table: pd.DataFrame, seed: int) -> str:
    fewest, most = table["n"][table["quantity"] == "singular"].agg(["min", "max"])
    studies = f"{fewest:,}" if fewest == most else f"{fewest:,} to {most:,}"
    return f"""# Operating characteristics

How often the claims come out right and wrong in simulated studies whose truth is known, analysed by bowlby's own
analysis sets, models and decision rules. {table["scenario"].nunique()} scenarios, \
{table["design"].nunique()} designs (therapists x average patients of one, case loads unequal), {studies} studies in
each; seed {seed}. Made by `make validate`; every number with its interval is in `validation.csv`.

A cell is judged with its Monte-Carlo error (99.9 % intervals):

- *wrong verdicts*: fails where the lower limit of the rate exceeds 1.2 times the nominal rate;
- *coverage* of 95 % intervals, 31 therapists or more: fails where its interval lies wholly outside .94 to .96 (above is
  allowed where a true variance is 0, because intervals are then too wide and never too narrow);
- *power*: fails where the loss against the oracle in the same studies is beyond .05 (under 31 therapists) or .03. The
  oracle knows the true ratios of all variances: the same contrasts by generalised least squares, residual variance
  estimated, J - 1 - k degrees of freedom (k columns vary between therapists alone);
- *qualifiers*: where perceived attachment has no effect but an association (S6, S7), a support of C1 or C2 without both
  qualifiers fails.

Everything else is reported, not judged. Outcome is turned so that higher is better; slopes are in SDs."""


def _failures(table: pd.DataFrame) -> str:
    judged, bad = table[table["verdict"] != "reported"], table[table["verdict"] == "fails"]
    lines = ["## Does anything fail?", "", f"{len(judged):,} cells judged, **{len(bad)} fail**."]
    if len(bad):
        head = ["scenario", "design", "quantity", "rate", "99.9 % interval", "bar", "studies"]
        lines += ["", f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
        for r in bad.itertuples():
            between = f"{_number(r.low)} to {_number(r.high)}"
            lines.append(f"| {r.scenario} | {r.design} | {r.quantity} | {_number(r.rate)} | {between} | "
                         f"{_number(r.bar)} | {r.n:,} |")  # fmt: skip
    return "\n".join(lines)


def _truths(table: pd.DataFrame) -> str:
    lines = [
        "## Scenarios",
        "",
        "P and T are the slopes that the observed composites have in the population, the targets of the intervals.",
        "",
        "| | what is true | P | T | C1 | C2 | C3 | C4 | C5 |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    words = {True: "true", False: "false", None: "–"}
    for name in table["scenario"].unique():
        case: Scenario = SCENARIOS[name]
        truth = slopes(case)
        claims = " | ".join(words[c] for c in case.claims)
        lines.append(f"| {name} | {case.what} | {truth['P']:.3g} | {truth['T']:.3g} | {claims} |")
    why = [f"{name}: coverage is reported only; {reason}." for name, reason in REPORTED.items()]
    return "\n".join([*lines, "", *why])


def _claim(table: pd.DataFrame, claim: str) -> str:
    """One row a scenario: the rate of the wrong verdict, and where the claim is true support beside the oracle's."""
    designs = list(table["design"].unique())
    wrong = _wide(table, f"{claim} false")
    own, oracle = _wide(table, f"{claim} supported"), _wide(table, f"{claim} oracle")
    loses = _verdicts(table, f"{claim} power difference")
    lines = [
        f"## {claim}: {TITLES[claim]}",
        "",
        f"Nominal rates: false support {_number(SUPPORT[claim])}, false refutation {_number(REFUTE[claim])}.",
        "",
        "| scenario | claim | " + " | ".join(f"wrong {d}" for d in designs) + " | "
        + " | ".join(f"supported (oracle) {d}" for d in designs) + " |",
        "|---|---|" + "---|" * (2 * len(designs)),
    ]  # fmt: skip
    for name in table["scenario"].unique():
        true = SCENARIOS[name].claims[CLAIMS.index(claim)]
        cells = [wrong.get((name, d), "–") for d in designs]
        for d in designs:
            text = own[name, d].strip("*")
            text += f" ({oracle[name, d]})" if (name, d) in oracle else ""
            cells.append(f"**{text}**" if loses.get((name, d)) == "fails" else text)
        what = {True: "true", False: "false", None: "association"}[true]
        lines.append(f"| {name} | {what} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _coverage(table: pd.DataFrame) -> str:
    designs = list(table["design"].unique())
    found = {effect: _wide(table, f"coverage {effect}", exact=True) for effect in EFFECTS}
    lines = [
        "## Coverage of 95 % intervals",
        "",
        "In each cell P, T, P-T, P+T.",
        "",
        f"| scenario | {' | '.join(designs)} |",
        "|---|" + "---|" * len(designs),
    ]
    for name in table["scenario"].unique():
        cells = [", ".join(found[effect][name, d] for effect in EFFECTS) for d in designs]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _shown(table: pd.DataFrame) -> str:
    designs = list(table["design"].unique())
    lines = [
        "## What some scenarios are there to show",
        "",
        f"| scenario | quantity | {' | '.join(designs)} |",
        "|---|---|" + "---|" * len(designs),
    ]
    for one in SHOWN:
        found = _wide(table, one.quantity, exact=True)
        for name in dict.fromkeys(scenario for scenario, _ in found):
            lines.append(f"| {name} | {one.quantity} | {' | '.join(found.get((name, d), '–') for d in designs)} |")
    return "\n".join(lines)


def _singular(table: pd.DataFrame) -> str:
    designs, found = list(table["design"].unique()), _wide(table, "singular", exact=True)
    lines = [
        "## Fits with a variance of 0",
        "",
        "Share of primary fits in which the therapist's intercept or slope variance is estimated as 0; the term stays "
        "in the model.",
        "",
        f"| scenario | {' | '.join(designs)} |",
        "|---|" + "---|" * len(designs),
    ]
    lines += [f"| {name} | {' | '.join(found[name, d] for d in designs)} |" for name in table["scenario"].unique()]
    return "\n".join(lines)


def _wide(table: pd.DataFrame, quantity: str, exact: bool = False) -> dict[tuple[str, str], str]:
    """Rates as text by scenario and design, bold where they fail."""
    chosen = table["quantity"].eq(quantity) if exact else table["quantity"].str.startswith(quantity)
    return {
        (r.scenario, r.design): f"**{_number(r.rate)}**" if r.verdict == "fails" else _number(r.rate)
        for r in table[chosen].itertuples()
    }


def _verdicts(table: pd.DataFrame, quantity: str) -> dict[tuple[str, str], str]:
    part = table[table["quantity"] == quantity]
    return dict(zip(zip(part["scenario"], part["design"]), part["verdict"]))


def _number(rate: float) -> str:
    """A rate without its leading zero, as the field prints it."""
    return f"{rate:.3f}".replace("0.", ".", 1).replace("-", "−")
