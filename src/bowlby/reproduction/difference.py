"""What differs between runs: configuration, data, versions and numbers; and their estimates in one table and figure."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pandas as pd

from bowlby.errors import UserError, problem
from bowlby.figures.canvas import BLUE, GREY, INK, VERMILION, WIDTH, keys, point_ranges, save
from bowlby.figures.forest import LABELS, UNIT, negligible, rows_named
from bowlby.files import atomic, harmless, write_csv, write_text
from bowlby.records import Estimate
from bowlby.reproduction.numbers import flat, is_number, same
from bowlby.results import Results
from bowlby.tables.layout import Sheet, sheet_docx, sheet_page
from bowlby.tables.numbers import interval, number, p_value
from bowlby.tables.words import NOT_TESTED, TERMS
from bowlby.terms import IN_SENTENCES

ABSENT = "–"
IGNORED = ("config.run", "config.results")
"""Settings that name a run and change nothing in it."""
NUMBERS = ("verdict.json", "comparison.json", "pair.json", "growth.json", "session_to_session.json", "mediation.json",
           "moderation.json", "response_surface.json", "clinical_change.json", "style_transitions.json", "domains.json",
           "suicidal_ideation.json", "adequacy.json", "robustness.json", "estimands/*.json", "fits/*.json")  # fmt: skip
STYLES = [(BLUE, "o"), (VERMILION, "D"), (INK, "s"), (GREY, "^")]
NAMES = {"T_A": "C4: therapist's own style, perceived attachment", "Z": "C5: patient's own style, perceived attachment"}
UNITS = {
    "outcome": "SD of outcome per SD of the predictor",
    "perceived": "SD of perceived attachment per SD of the predictor",
    "growth": "points of the outcome",
    "interaction": "SD of outcome per SD of predictor and moderator",
    "sessions": "SD of one scale per SD of the other, within patients",
}
COLUMNS = ("run", "number", "label", "kind", "estimate", "se", "df", "p", "ci_low", "ci_high", "delta")


def names_of(runs: Sequence[Results]) -> list[str]:
    """A name for each run: that of its folder, or its path where two folders have the same name."""
    short = [run.folder.resolve().name for run in runs]
    return short if len(set(short)) == len(short) else [str(run.folder) for run in runs]


def differences(runs: Sequence[Results]) -> pd.DataFrame:
    """Where some of the runs differ from the first.

    Parameters
    ----------
    runs : sequence of Results
        At least two.

    Returns
    -------
    DataFrame
        Columns part (configuration, study, data, versions, numbers), place, and one for each run, as text; ``–`` where
        a run lacks it. Of numbers, `place` begins with the file.

    Raises
    ------
    UserError
        For fewer than two runs.
    """
    if len(runs) < 2:
        raise UserError(problem("one run differs from none", "name the folders of two runs or more"))
    parts = {
        "configuration": [{f"config.{k}": v for k, v in flat(run.config)} for run in runs],
        "study": [dict(flat(run.study, "study")) for run in runs],
        "data": [dict(run.manifest.get("inputs") or {}) for run in runs],
        "versions": [
            {**run.manifest.get("versions", {}), "platform": run.manifest.get("platform"),
             "commit": (run.manifest.get("git") or {}).get("commit")} for run in runs
        ],
        "numbers": [_numbers(run) for run in runs],
    }  # fmt: skip
    rows = []
    for part, records in parts.items():
        for place in dict.fromkeys(place for record in records for place in record if place not in IGNORED):
            values = [record.get(place, ABSENT) for record in records]
            if not all(same(values[0], value) for value in values[1:]):
                rows.append((part, place, *map(_text, values)))
    return pd.DataFrame(rows, columns=["part", "place", *names_of(runs)])


def summary(table: pd.DataFrame, runs: Sequence[Results]) -> pd.DataFrame:
    """The same for a screen: checksums short, and of numbers how many differ in each file.

    Returns
    -------
    DataFrame
        As :func:`differences`.
    """
    names, rest = list(table.columns[2:]), table[table["part"] != "numbers"].copy()
    data = rest["part"] == "data"
    rest.loc[data, names] = rest.loc[data, names].map(lambda text: text[:12])
    of = [_numbers(run) for run in runs]
    rows = []
    own = table[table["part"] == "numbers"]
    for file, part in own.groupby(own["place"].str.split(" ").str[0], sort=False):
        total = [sum(place.startswith(f"{file} ") for place in record) for record in of]
        cells = [f"{n:,} numbers" if n else ABSENT for n in total]
        rows.append(("numbers", f"{file}: {len(part):,} differ", *cells))
    return pd.concat([rest, pd.DataFrame(rows, columns=table.columns)], ignore_index=True)


def estimates(runs: Sequence[Results]) -> pd.DataFrame:
    """The estimates of the main analyses of all runs.

    Returns
    -------
    DataFrame
        Columns run, number (P, T, P-T, P+T, T_A, Z, those of `pair:`, of the slopes and coefficients of `growth:`, of
        `session_to_session:`, of `mediation:`, of `moderation:`, and P and T over all outcomes), label,
        kind (of :data:`UNITS`, its unit), estimate, se, df, p, ci_low, ci_high, delta.
    """
    rows = []
    for name, run in zip(names_of(runs), runs, strict=True):
        delta = run.comparison.delta if run.comparison else (run.json("pair.json") or {}).get("delta")
        for label, kind, one in _estimates(run):
            values = (one.estimate, one.se, one.df, one.p, one.ci_low, one.ci_high)
            rows.append((name, one.name, label, kind, *values, delta))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def sheet(table: pd.DataFrame, runs: Sequence[Results]) -> Sheet:
    """The estimates as printed: a part for each number, a row for each run; the claims' verdicts below."""
    parts = []
    for label, part in table.groupby("label", sort=False):
        rows = [[row.run, number(row.estimate), number(row.se), number(row.df, 1), interval(row.ci_low, row.ci_high),
                 p_value(row.p)] for row in part.itertuples()]  # fmt: skip
        parts.append((str(label).replace("\n", " "), rows))
    verdicts = [_verdicts(run) for run in runs]
    for claim in dict.fromkeys(claim for own in verdicts for claim in own):
        rows = [
            [name, own.get(claim, ABSENT), "", "", "", ""] for name, own in zip(names_of(runs), verdicts, strict=True)
        ]
        parts.append((f"Verdict on {claim}", rows))
    units = "; ".join(unit for kind, unit in UNITS.items() if (table["kind"] == kind).any())
    note = f"Units in the order of the rows: {units}."
    return Sheet("", "Estimates of Several Runs", ["", "Estimate", "SE", "df", "95% CI", "p"], parts, note)


def _verdicts(run: Results) -> dict[str, str]:
    """The verdicts on all claims of a run: of the comparison, of growth, of sessions, and over all outcomes."""
    decided = {name: claim.verdict if claim.tested else NOT_TESTED for name, claim in run.claims.items()}
    for file in ("growth.json", "session_to_session.json"):
        decided |= {name: claim["verdict"] for name, claim in ((run.json(file) or {}).get("claims") or {}).items()}
    for name, claim in (_pooled(run).get("claims") or {}).items():
        decided[f"{name}, all outcomes together"] = claim["verdict"]
    return decided


def _pooled(run: Results) -> dict:
    """What is known of all outcomes together; empty where they were not pooled."""
    return (run.json("domains.json") or {}).get("pooled") or {}


def write_difference(runs: Sequence[Results], folder: Path) -> list[Path]:
    """Write ``differences.csv``, ``estimates`` as CSV, HTML and DOCX, and the forest plot of all runs."""
    table = estimates(runs)
    printed = sheet(table, runs)
    plotted = table[table["kind"] == "outcome"]
    return [
        write_csv(folder / "differences.csv", harmless(differences(runs))),
        write_csv(folder / "estimates.csv", harmless(table.assign(label=table["label"].str.replace("\n", " ")))),
        write_text(folder / "estimates.html", sheet_page(printed)),
        atomic(folder / "estimates.docx", partial(sheet_docx, sheet=printed)),
        *save(folder, "estimates", plotted, draw),
    ]


def draw(ax, data: pd.DataFrame) -> None:
    """Draw the forest of several runs: a row for each number, the runs below each other within it."""
    labels, names = list(dict.fromkeys(data["label"])), list(dict.fromkeys(data["run"]))
    ax.figure.set_size_inches(WIDTH, 1.7 + len(labels) * max(0.55, 0.24 * len(names)))
    deltas = data["delta"].dropna().unique()
    legend = [negligible(ax, deltas[0])] if len(deltas) == 1 else []
    step = 0.7 / len(names)
    for k, name in enumerate(names):
        colour, marker = STYLES[k % len(STYLES)]
        own = data[data["run"] == name]
        at = [len(labels) - 1 - labels.index(label) + (len(names) - 1 - 2 * k) * step / 2 for label in own["label"]]
        ranges = own.assign(at=at, value=own["estimate"], low=own["ci_low"], high=own["ci_high"])
        point_ranges(ax, ranges, color=colour, marker=marker, linewidth=1.6)
        legend += keys(ax, (name, {"color": colour, "marker": marker, "lw": 1.6, "ms": 5}))
    rows_named(ax, labels)
    ax.set_xlabel(f"{UNIT}, 95% CI")
    ax.figure.legend(handles=legend, loc="outside upper center", ncols=min(3, len(legend)), handlelength=1.8)


def _estimates(run: Results):
    """Label, kind and estimate of every number of a run's main analyses."""
    if run.comparison:
        for name, one in run.comparison.effects.items():
            yield LABELS[name], "outcome", one
    for model, name in (("c4", "T_A"), ("c5", "Z")):
        if model in run.fits and name in run.fits[model].contrasts:
            yield NAMES[name], "perceived", run.fits[model].contrasts[name]
    if "pair" in run.fits:
        sides = (run.json("pair.json") or {}).get("labels") or {}
        words = {**sides, "first-second": "difference", "first+second": "sum"}
        for name, one in run.fits["pair"].contrasts.items():
            yield textwrap.fill(words.get(name, name), 22), "outcome", one
    if "growth" in run.fits:
        for name, one in run.fits["growth"].contrasts.items():
            yield textwrap.fill(TERMS[name], 22), "outcome", one
        for name, one in run.fits["growth"].coefficients.items():
            yield f"growth: {name}", "growth", one
    yield from _of_records(run)


def _of_records(run: Results):
    """The same of what is decided from several fits: sessions, mediation, moderation, and all outcomes together."""
    sessions = run.json("session_to_session.json") or {}
    for name, one in (sessions.get("paths") or {}).get(sessions.get("detrend"), {}).items():
        yield f"sessions: {name}", "sessions", Estimate.of(one, name)
    for one in (run.json("mediation.json") or {}).get("mediators") or []:
        for side in ("patient", "therapist"):
            for name in ("indirect", "total"):
                if effect := (one[side] or {}).get(name):
                    label = f"{name} effect of the {side}'s style through {IN_SENTENCES[one['mediator']]}"
                    yield textwrap.fill(label, 22), "outcome", Estimate.of(effect, f"{one['mediator']}_{side}_{name}")
    for one in (run.json("moderation.json") or {}).get("interactions") or []:
        if "levels" not in one:
            label = textwrap.fill(f"interaction: {one['text']}", 22)
            yield label, "interaction", Estimate.of(one["interaction"], f"{one['text']}: interaction")
        for level in one.get("levels", []):
            label = textwrap.fill(f"{one['text']}: {level['level']}", 22)
            yield label, "outcome", Estimate.of(level, f"{one['text']}: {level['level']}")
    for name, effect in (_pooled(run).get("effects") or {}).items():
        yield f"{name}: all outcomes\ntogether", "outcome", Estimate.of(effect, f"{name}_pooled")


def _numbers(run: Results) -> dict[str, float]:
    """Every number of a run's records, by file and place."""
    paths = [path for pattern in NUMBERS for path in sorted(run.folder.glob(pattern))]
    out: dict[str, float] = {}
    for path in paths:
        file = path.relative_to(run.folder).as_posix()
        out |= {f"{file} {place}": value for place, value in flat(run.json(file)) if is_number(value)}
    return out


def _text(value) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
