"""Rates of studies with sessions and the page that shows them."""

from __future__ import annotations

import pandas as pd

from bowlby.simulate.characteristics import CLAIMS, EFFECTS, characteristics, interval, mean_interval
from bowlby.simulate.page import (
    ABSENT,
    claim_tables,
    coverage_table,
    failures,
    grid,
    number,
    singular_table,
    sized,
)
from bowlby.simulate.session_bed import CASES, CELLS
from bowlby.simulate.session_truth import (
    CARRY,
    FEWEST,
    LANDMARK,
    MISSING,
    MOST,
    NOISE,
    STATE,
    STAY,
    TREND,
    effective,
    measured,
    observed_slope,
)
from bowlby.simulate.truth import slopes

VARIANTS = tuple(name for name in CASES if name not in CELLS)
DECIDED = ("C1", "C2", "C3")
COLUMNS = ["scenario", "design", "quantity", "n", "rate", "low", "high", "bar", "verdict"]


def session_characteristics(studies: pd.DataFrame) -> pd.DataFrame:
    """Summarise simulated studies with sessions.

    Parameters
    ----------
    studies : DataFrame
        Rows of :func:`bowlby.simulate.session_claims.session_claims`.

    Returns
    -------
    DataFrame
        As of :func:`bowlby.simulate.characteristics.characteristics` for the scenarios; then, reported and not judged,
        the model of the single sessions where it was fitted (``sessions C1 agrees``, ``sessions C1 wrong``, ``sessions
        coverage P``, ``sessions width P``) and the variants (``mean P``, ``mean T``, ``C1 supported``, ``C3
        supported``, ``C3 refuted``, ``coverage P``, ``coverage T``, ``mean T unadjusted``, ``C3 supported
        unadjusted``).
    """
    judged = studies[studies["scenario"].isin(CELLS)]
    parts = [characteristics(judged)] if len(judged) else []
    rows = []
    for (name, design), cell in studies.groupby(["scenario", "design"], sort=False):
        found = _variant(name, cell) if name in VARIANTS else _beside(name, cell)
        rows += [(name, design, *row, None, "reported") for row in found]
    return pd.concat([*parts, pd.DataFrame(rows, columns=COLUMNS)], ignore_index=True)


def _rate(quantity: str, hit: pd.Series):
    return quantity, len(hit), float(hit.mean()), *interval(int(hit.sum()), len(hit))


def _mean(quantity: str, values: pd.Series):
    return quantity, len(values), *mean_interval(values.to_numpy(float))


def _covers(cell: pd.DataFrame, effect: str, value: float, prefix: str = "") -> pd.Series:
    return (cell[f"{prefix}{effect}_low"] <= value) & (value <= cell[f"{prefix}{effect}_high"])


def _beside(name: str, cell: pd.DataFrame):
    """The model of the single sessions beside the means, in the studies in which it was fitted."""
    if "sessions_C1" not in cell:
        return
    fitted = cell[cell["sessions_C1"].notna()]
    if not len(fitted):
        return
    case, truth = CASES[name].scenario, slopes(CASES[name].scenario)
    for claim, true in zip(DECIDED, case.claims):
        verdict = fitted[f"sessions_{claim}"]
        yield _rate(f"sessions {claim} agrees", verdict == fitted[claim])
        yield _rate(f"sessions {claim} wrong", verdict == ("refuted" if true else "supported"))
    for effect in EFFECTS:
        yield _rate(f"sessions coverage {effect}", _covers(fitted, effect, truth[effect], "sessions_"))
    for effect in ("P", "T"):
        width = [fitted[f"{prefix}{effect}_high"] - fitted[f"{prefix}{effect}_low"] for prefix in ("sessions_", "")]
        yield _mean(f"sessions width {effect}", width[0] / width[1])


def _variant(name: str, cell: pd.DataFrame):
    truth = slopes(CASES[name].scenario)
    for effect in ("P", "T"):
        yield _mean(f"mean {effect}", cell[effect])
        yield _rate(f"coverage {effect}", _covers(cell, effect, truth[effect]))
    yield _rate("C1 supported", cell["C1"] == "supported")
    for verdict in ("supported", "refuted"):
        yield _rate(f"C3 {verdict}", cell["C3"] == verdict)
    if "T_unadjusted" in cell and cell["T_unadjusted"].notna().all():
        yield _mean("mean T unadjusted", cell["T_unadjusted"])
        yield _rate("C3 supported unadjusted", cell["C3_unadjusted"] == "supported")


def session_page(table: pd.DataFrame, seed: int, notes: str = "") -> str:
    """Write the page.

    Parameters
    ----------
    table : DataFrame
        Of :func:`session_characteristics`.
    seed : int
    notes : str
        What is to be said about the results (Markdown).

    Returns
    -------
    str
        Markdown.
    """
    main, variants = table[table["scenario"].isin(CELLS)], table[table["scenario"].isin(VARIANTS)]
    parts = [_head(table, main, seed), failures(main)]
    parts += [notes.strip()] if notes.strip() else []
    parts += ["![Rates with their intervals beside the bars](validation_sessions.png)", _studies(), _truths(main)]
    parts += [claim_tables(main, claim) for claim in CLAIMS]
    parts += [coverage_table(main), _sessions(main), _variants(variants), singular_table(main)]
    return "\n\n".join(parts) + "\n"


def _head(table: pd.DataFrame, main: pd.DataFrame, seed: int) -> str:
    counts = main["n"][main["quantity"] == "singular"]
    return f"""# Operating characteristics with session data

How often the claims come out right and wrong where outcome and perceived attachment are asked session by session and
the claims are decided on patients' means around a landmark (`perceived.sessions: {LANDMARK}`,
`outcome.after: {LANDMARK}`). Tables of simulated session scores go through bowlby's own functions: patients' means,
analysis sets, models, decision rules.
{main["scenario"].nunique()} scenarios, {table["design"].nunique()} designs (therapists × average patients of one,
case loads unequal), {_several(counts)} studies in each; seed {seed}.
Made by `make validate-sessions`; every number with its interval is in `validation_sessions.csv`. The bars are those
of [validation.md](validation.md), by 99.9 % intervals. The oracle knows the true variances at the level of patients'
means, averaged over patients, who have unequal numbers of sessions."""


def _studies() -> str:
    raw = CASES["S0-raw"].scenario
    return f"""## The studies

- A patient has {FEWEST} to {MOST} sessions, every number as frequent; who is worse off stays longer
  (correlation {number(-STAY)}). {100 * MISSING:.0f} % of sessions have no answer, at random. Patients without a
  session after the landmark leave the set.
- Outcome in a session: the patient's level before treatment or, after the landmark, the one that perceived attachment
  and the therapist have brought about (as in the scenarios of [validation.md](validation.md), variance 1);
  a gain of {TREND:g} a session; variation with variance {NOISE:g} and a correlation of {CARRY:g} from one session
  to the next.
- Perceived attachment, sessions 1 to {LANDMARK}: the patient's level and variation from session to session, with
  {STATE:g} times the variance of the level; the mean has a reliability of {number(measured())}. SDs are those of the
  mean.
- P is the slope of the *observed* means, which is what the model estimates. The true level's slope is larger by what
  measurement takes away, and it makes up for a second error: the outcome up to the landmark does not hold all of the
  level before treatment, and who starts better perceives more security, so that a true slope of 0 shows
  as {number(observed_slope(raw))}. The variant S0-raw leaves that in.
- S10: the second therapist takes over in the middle, before or after the landmark; every session belongs to the
  therapist who gave it, and the shares are those of all sessions."""


def _truths(table: pd.DataFrame) -> str:
    rows = []
    for name in table["scenario"].unique():
        case, aims = CASES[name].scenario, slopes(CASES[name].scenario)
        claims = ["true" if true else "false" for true in case.claims]
        rows.append([name, case.what, f"{aims['P']:.3g}", number(effective(case).p), f"{aims['T']:.3g}", *claims])
    return "\n\n".join([
        "## Scenarios",
        "P and T are the slopes that the means have in the population, the targets of the intervals.",
        grid(["", "what is true", "P", "slope of the true level", "T", *CLAIMS], rows),
    ])  # fmt: skip


def _sessions(table: pd.DataFrame) -> str:
    """What the model of the single sessions says beside the means."""
    designs = list(table["design"].unique())
    found = table.set_index(["scenario", "design", "quantity"])["rate"].sort_index()
    rows = []
    for name in table["scenario"].unique():
        cells = [found.loc[name, d] for d in designs if (name, d, "sessions C1 agrees") in found.index]
        if cells:
            rows.append([name, *(_joined(cells, f"sessions {claim} agrees") for claim in DECIDED),
                         *(_joined(cells, f"sessions coverage {effect}") for effect in ("P", "T")),
                         *(_joined(cells, f"sessions width {effect}") for effect in ("P", "T"))])  # fmt: skip
    if not rows:
        return "## The model of the single sessions\n\nNot fitted."
    n = table["n"][table["quantity"] == "sessions C1 agrees"]
    return "\n\n".join([
        "## The model of the single sessions",
        f"It stands beside the claims and decides none. In {_several(n)} studies of each cell: share with the same "
        "verdict; coverage of its own 95 % intervals; their width over that of the intervals from means. Designs in "
        f"the order {', '.join(sized(d) for d in designs)}.",
        grid(["scenario", *(f"same {c}" for c in DECIDED), "covers P", "covers T", "width P", "width T"], rows),
    ])  # fmt: skip


def _several(counts: pd.Series) -> str:
    """A number of studies, or from which to which."""
    fewest, most = counts.min(), counts.max()
    return f"{fewest:,}" if fewest == most else f"{fewest:,} to {most:,}"


def _joined(cells: list[pd.Series], quantity: str) -> str:
    return ", ".join(_short(cell[quantity]) for cell in cells)


def _short(rate: float) -> str:
    return f"{rate:.2f}".replace("0.", ".", 1) if rate < 1 else f"{rate:.2f}"


def _variants(table: pd.DataFrame) -> str:
    if table.empty:
        return "## What the landmark does\n\nNot simulated."
    heads = ["", "design", "P, mean", "T, mean", "covers T", "C1 supported", "C3 supported", "C3 refuted",
             "T, mean, unadjusted", "C3 supported, unadjusted"]  # fmt: skip
    names = ["mean P", "mean T", "coverage T", "C1 supported", "C3 supported", "C3 refuted", "mean T unadjusted",
             "C3 supported unadjusted"]  # fmt: skip
    rows = []
    for (name, design), cell in table.groupby(["scenario", "design"], sort=False):
        rates = cell.set_index("quantity")["rate"]
        rows.append([name, sized(design), *(number(rates[q]) if q in rates.index else ABSENT for q in names)])
    told = [f"- {name}: {CASES[name].scenario.what} (P = {CASES[name].scenario.p:g}, T = {CASES[name].scenario.t:g})."
            for name in table["scenario"].unique()]  # fmt: skip
    return "\n\n".join([
        "## What the landmark does",
        f"Reported, not judged; {_several(table['n'])} studies of each. Unadjusted: T without therapists' mean outcome "
        "up to the landmark in the model (patients' deviations from it stay in).",
        "\n".join(told),
        grid(heads, rows),
    ])  # fmt: skip
