"""The flow of patients, and which scores are missing."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import pandas as pd

from bowlby.disclosure import SMALLEST, small
from bowlby.figures.canvas import BLUE, GREY, PALE, WIDTH
from bowlby.figures.outcome import about_whom, named, persons_in
from bowlby.results import Results

WITHOUT = "without: "
COLUMNS = ["kind", "step", "patients", "therapists", "rows", "reason"]


def gather(results: Results) -> pd.DataFrame | None:
    """From the steps of the run's first model; where it has none, from those of reading the files.

    Who answered each questionnaire is no step: patients are not excluded by one and present again in the next.
    """
    privacy = "shareable" if results.shareable else "internal"
    models = (f"analysis/{name}.flow.json" for name in ("primary", "pair", "growth", "session_to_session"))
    for path in (*models, "people/flow.json"):
        record = results.json(path)
        if record:
            before = [] if path == "people/flow.json" else _before_reading(results.json("people/flow.json"))
            return flow_data([*before, *(step for step in record["steps"] if not step.get("instrument"))], privacy)
    return None


def _before_reading(record: Mapping | None) -> list[dict]:
    """The steps that `rows:` of the study file makes, counted in patients as the models' own steps are."""
    names = [s["step"] for s in record["steps"]] if record else []
    if record is None or "rows in the files" not in names:
        return []
    steps = record["steps"][: names.index("rows read")]
    first = {**steps[0], "step": "persons in the files"}
    return [{**step, "rows": step["patients"]} for step in (first, *steps[1:])]


def flow_data(steps: list[dict], privacy: str = "shareable") -> pd.DataFrame:
    """Boxes and side boxes of the flow chart.

    Parameters
    ----------
    steps : list of dict
        step, patients, therapists, rows, reason, as in ``people/flow.json``; a step named "without: ..." counts who is
        left when a reason for exclusion is applied.
    privacy : {"shareable", "internal"}
        Shareable: exclusions of one to four patients are put together with a neighbour; where there is none, the
        number is withheld, and that of the box before it too, because the difference would tell it.

    Returns
    -------
    DataFrame
        kind (box, left_out), step, patients, therapists, rows, reason; a number withheld is null.
    """
    rows: list[dict] = []
    before = None
    for step in steps:
        out = str(step["step"]).startswith(WITHOUT)
        lost = {k: before[k] - step[k] for k in ("patients", "rows")} if before else {"patients": 0, "rows": 0}
        if any(lost.values()):
            reason = step["reason"] if out else f"not in: {step['step']}"
            rows.append({"kind": "left_out", "step": "left out", "therapists": None, "reason": reason, **lost})
        if not out:
            rows.append({"kind": "box", **{k: step.get(k) for k in COLUMNS[1:]}})
        before = step
    if privacy == "shareable":
        rows = _withheld(_together(rows))
    table = pd.DataFrame(rows, columns=COLUMNS)
    return table.astype(dict.fromkeys(["patients", "therapists", "rows"], "Int64"))


def _small(row: dict) -> bool:
    return row["kind"] == "left_out" and small(row["patients"])


def _together(rows: list[dict]) -> list[dict]:
    """Put small exclusions together with the one before or after them, between the same two boxes."""
    done: list[dict] = []
    for row in rows:
        last = done[-1] if done else None
        if last and last["kind"] == row["kind"] == "left_out" and (_small(last) or _small(row)):
            both = {k: last[k] + row[k] for k in ("patients", "rows")}
            done[-1] = {**last, **both, "reason": f"{last['reason']}; {row['reason']}"}
        else:
            done.append(row)
    return done


def _withheld(rows: list[dict]) -> list[dict]:
    done = [dict(row) for row in rows]
    for i, row in enumerate(rows):
        if _small(row):
            done[i] |= {"patients": None, "rows": None, "reason": f"fewer than {SMALLEST} patients: {row['reason']}"}
            done[i - 1] |= {"patients": None, "rows": None}
    return done


def draw(ax, data: pd.DataFrame) -> None:
    """Draw the boxes from top to bottom, exclusions to the right."""
    line, gap, pad = 0.21, 0.22, 0.12
    texts = [_lines(row) for row in data.itertuples(index=False)]
    heights = [len(lines) * line + 2 * pad for lines in texts]
    height = sum(heights) + gap * (len(heights) - 1) + 0.1
    ax.figure.set_layout_engine("none")
    ax.figure.set_size_inches(WIDTH, max(height, 1.0))
    ax.set_position((0, 0, 1, 1))
    ax.set(xlim=(0, WIDTH), ylim=(0, max(height, 1.0)))
    ax.axis("off")
    top, foot = max(height, 1.0) - 0.05, None
    arrow = {"arrowstyle": "-|>", "color": GREY, "lw": 1.2, "shrinkA": 0, "shrinkB": 0}
    for kind, lines, tall in zip(data["kind"], texts, heights, strict=True):
        box = kind == "box"
        left, wide = (0.05, 2.75) if box else (2.2, WIDTH - 2.25)
        ax.add_patch(_patch(left, top - tall, wide, tall, box))
        for i, words in enumerate(lines):
            weight = "bold" if i == 0 else "normal"
            ax.text(left + 0.12, top - pad - (i + 0.5) * line, words, va="center", fontsize=11, fontweight=weight)
        if box and foot is not None:
            ax.annotate("", (1.2, top), (1.2, foot), arrowprops=arrow)
        elif not box:
            ax.annotate("", (left, top - tall / 2), (1.2, top - tall / 2), arrowprops=arrow)
        foot = top - tall if box else foot
        top -= tall + gap


def _patch(left: float, bottom: float, wide: float, tall: float, box: bool):
    from matplotlib.patches import Rectangle

    return Rectangle(
        (left, bottom),
        wide,
        tall,
        facecolor=PALE if box else "white",
        edgecolor=BLUE if box else GREY,
        linestyle="-" if box else "--",
        lw=1.2,
    )


def _lines(row) -> list[str]:
    step = str(row.step)
    step = step[:1].upper() + step[1:]
    several = not pd.isna(row.rows) and not pd.isna(row.patients) and row.rows != row.patients
    if row.kind == "box":
        counts = [_count(row.patients, "patient"), "" if row.therapists is not pd.NA and row.therapists == 0 else
                  _count(row.therapists, "therapist")]  # fmt: skip
        persons = ", ".join(c for c in counts if c)
        return [*textwrap.wrap(step, 26)[:3], persons, *([_count(row.rows, "row")] if several else [])]
    counts = [_count(row.patients, "patient")] if row.patients is not pd.NA and row.patients else []
    counts += [_count(row.rows, "row")] if several else []
    head, *more = [c for c in counts if c] or [""]
    return [
        *textwrap.wrap(f"Left out: {head}" if head else "Left out", 30),
        *more,
        *textwrap.wrap(str(row.reason), 34)[:4],
    ]


def _count(n, word: str) -> str:
    if pd.isna(n):
        return ""
    return f"{n:,} {word}{'' if n == 1 else 's'}"


TILES = ["role", "instrument", "about", "scale", "place", "occasion", "of", "scored", "share", "said"]
HEAD = {"person", "role", "about", "occasion", "session", "therapist", "date", "source", "source_file", "source_row"}
OTHERS = ("_n", "_prorated")
ROWS = 40
TOLD = 6
"""Occasions up to which the tiles have room for words."""
FEW, NEARLY = "few", "nearly all"


def gather_missing(results: Results) -> pd.DataFrame | None:
    """From the scores and the lists of patients and therapists."""
    people = {role: results.table(f"people/{role}s.parquet") for role in ("patient", "therapist")}
    if not results.scale_scores or people["patient"] is None:
        return None
    sizes = {role: len(table) for role, table in people.items() if table is not None}
    return missing_data(results.scale_scores, sizes, results.occasions, results.shareable)


def scales_of(table: pd.DataFrame) -> list[str]:
    """Names of the scales in a table of scores."""
    return [
        c for c in table.columns if c not in HEAD and not c.endswith(OTHERS) and pd.api.types.is_numeric_dtype(table[c])
    ]


def missing_data(
    scores: dict[str, pd.DataFrame], sizes: dict[str, int], occasions: list[str], shareable: bool = True
) -> pd.DataFrame:
    """Share of all patients (or therapists) of the study who have a score, by scale and occasion.

    Forms of one questionnaire about several persons (mother, father) are told apart in ``about``, empty elsewhere.
    Where privacy asks for it, one to four persons are "few", and all but one to four "nearly all", without a number.
    An occasion at which nobody answered an instrument has no row.
    """
    order = {name: i for i, name in enumerate(occasions)}
    rows = []
    for instrument, table in scores.items():
        keys = table[["role", "occasion"]].assign(about=about_whom(table))
        forms = keys.groupby(["about", "role", "occasion"], dropna=False, sort=False, observed=True)
        form, person = forms.ngroup().to_numpy(), pd.factorize(table["person"])[0]
        for scale in scales_of(table):
            scored = persons_in(np.where(table[scale].notna(), form, -1), person)
            for (about, role, occasion), n in zip(forms.size().index, scored.tolist(), strict=False):
                occasion = occasion if isinstance(occasion, str) and occasion else "once"
                of = max(sizes.get(role, 0), n)
                rows.append((role, instrument, about, scale, order.get(occasion, len(order)), occasion, of, n))
    table = pd.DataFrame(rows, columns=TILES[:8])
    table = table[table["scored"] > 0]
    hidden, said = [], []
    for n, of in zip(table["scored"], table["of"], strict=True):
        few, nearly = small(n), small(of - n)
        hidden.append(shareable and (few or nearly))
        said.append(FEW if shareable and few else NEARLY if shareable and nearly else f"{100 * n / of:.0f}%")
    table = table.assign(share=table["scored"] / table["of"], said=said).astype({"scored": "Int64", "share": float})
    table.loc[np.array(hidden, bool), ["scored", "share"]] = pd.NA
    keys = ["role", "instrument", "about", "scale", "place"]
    return table.sort_values(keys, kind="stable", ignore_index=True)[TILES]


def draw_missing(ax, data: pd.DataFrame) -> None:
    """Draw a heat map of scales by occasions, empty where an occasion did not ask a scale."""
    import seaborn

    by = ["role", "instrument", "about", "scale"]
    if data[by].drop_duplicates().shape[0] > ROWS:
        by = by[:3]
    lines = data[by].drop_duplicates()
    occasions = list(dict.fromkeys(data.sort_values("place", kind="stable")["occasion"]))
    ax.figure.set_size_inches(WIDTH, 1.3 + 0.3 * len(lines))
    level = data["said"].map({NEARLY: 1.0, FEW: 0.05}).astype(float).fillna(data["share"].astype(float))
    cells = data.assign(level=level).groupby([*by, "occasion"], sort=False)
    cells = cells.agg(level=("level", "mean"), said=("said", "first"), scales=("said", "size")).reset_index()
    mean = cells["level"].map(lambda share: f"{100 * share:.0f}%")
    cells["said"] = cells["said"].where(cells["scales"] == 1, mean)
    wide = {name: cells.pivot_table(name, by, "occasion", "first").reindex(pd.MultiIndex.from_frame(lines))[occasions]
            for name in ("level", "said")}  # fmt: skip
    told = len(occasions) <= TOLD
    seaborn.heatmap(wide["level"].to_numpy(float), vmin=0, vmax=1, cmap=seaborn.light_palette(BLUE, as_cmap=True),
                    annot=wide["said"].fillna("").to_numpy(str) if told else None, fmt="",
                    annot_kws={"fontsize": 9}, linewidths=1.5, linecolor="white", ax=ax,
                    cbar=not told,
                    cbar_kws={"label": "share with a score", "format": "{x:.0%}", "aspect": 40})  # fmt: skip
    if not told:
        scale = ax.collections[0].colorbar.ax
        scale.tick_params(labelsize=9)
        scale.yaxis.label.set_size(9)
    names = [_name(*line[1:]) for line in lines.itertuples(index=False, name=None)]
    middle = np.arange(max(len(lines), len(occasions))) + 0.5
    ax.set_yticks(middle[: len(lines)], [n if len(n) <= 30 else n[:29] + "…" for n in names], fontsize=9, rotation=0)
    ax.set_xticks(middle[: len(occasions)], [o.replace("_", " ")[:18] for o in occasions], fontsize=9)
    ax.tick_params(length=0, labeltop=True, labelbottom=False)
    if len(occasions) > 5:
        ax.tick_params(axis="x", labelrotation=60)
    roles = lines["role"].to_numpy()
    ends = [*np.flatnonzero(roles[1:] != roles[:-1]) + 1, len(roles)]
    for first, end in pairwise([0, *ends]):
        if first:
            ax.axhline(first, color=GREY, lw=1)
        ax.text(1.02, (first + end) / 2, f"{roles[first]}s", rotation=270, va="center", fontsize=9,
                transform=ax.get_yaxis_transform())  # fmt: skip


def _name(instrument: str, about: str, scale: str = "total") -> str:
    return named(instrument, scale) + (f", {about}".replace("_", " ") if about else "")
