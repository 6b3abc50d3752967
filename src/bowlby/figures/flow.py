"""The patient flow: who was there at each step, who was left out and why."""

from __future__ import annotations

import textwrap

import pandas as pd

from bowlby.disclosure import SMALLEST, small
from bowlby.figures.canvas import BLUE, GREY, PALE, WIDTH
from bowlby.results import Results

WITHOUT = "without: "
COLUMNS = ["kind", "step", "patients", "therapists", "rows", "reason"]


def gather(results: Results) -> pd.DataFrame | None:
    """From the steps of the run's first model; where it keeps none, from those of reading the files."""
    privacy = "shareable" if results.shareable else "internal"
    models = (f"analysis/{name}.flow.json" for name in ("primary", "pair", "growth"))
    for path in (*models, "people/flow.json"):
        record = results.json(path)
        if record:
            before = [] if path == "people/flow.json" else _before_reading(results.json("people/flow.json"))
            return flow_data([*before, *record["steps"]], privacy)
    return None


def _before_reading(record: dict | None) -> list[dict]:
    """The steps that `rows:` of the study file makes, counted in patients as the models' own steps are."""
    names = [s["step"] for s in record["steps"]] if record else []
    if "rows in the files" not in names:
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
            reason = (step.get("reason") or step["step"].removeprefix(WITHOUT)) if out else f"not in: {step['step']}"
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
    for kind, lines, tall in zip(data["kind"], texts, heights):
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
        counts = ", ".join(c for c in (_count(row.patients, "patient"), _count(row.therapists, "therapist")) if c)
        return [*textwrap.wrap(step, 26)[:3], counts, *([_count(row.rows, "row")] if several else [])]
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
