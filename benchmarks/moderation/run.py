"""Size of the test of an interaction with and without the random slope, and coverage of the simultaneous band.

    python benchmarks/moderation/run.py [--studies N]

Writes results.md beside this file. Studies already in studies.csv are not analysed again.
"""

import argparse
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pandas as pd

from bowlby.compare.moderation import moderation
from bowlby.design.centring import membership, within_between
from bowlby.fit import moderation as fitted

DESIGNS = [(16, 36), (48, 12)]
CELLS = [
    {"text": "therapist_style by pretest", "kappa": kappa, "spread": spread}
    for kappa, spread in ((0.0, 0.15), (0.0, 0.0), (0.15, 0.15))
] + [
    {"text": "perceived by therapist_style", "kappa": 0.0, "spread": 0.15},
    {"text": "perceived by pretest", "kappa": 0.0, "spread": 0.15},
    {"text": "perceived by pretest", "kappa": 0.0, "spread": 0.0},
    {"text": "therapist_style by format", "kappa": 0.0, "spread": 0.3},
    {"text": "therapist_style by format", "kappa": 0.0, "spread": 0.0},
]
FORMATS = ("couple", "group", "individual")
"""Interaction, its coefficient, and the SD between therapists of the slope that the interaction varies with."""
HERE = Path(__file__).parent
COLUMNS = ["cell", "design", "model", "study", "p", "line", "range"]


def study(rng, design, text, kappa, spread):
    """A study of therapists by patients; the outcome has an SD of about 1 and a therapist share of 5%."""
    therapists, patients = design
    group = np.repeat(np.arange(therapists), patients)
    s, pre, a = rng.normal(size=therapists), rng.normal(size=len(group)), rng.normal(size=len(group))
    a += 0.22 * rng.normal(size=therapists)[group]
    members = pd.DataFrame({"patient": [f"P{i}" for i in range(len(group))], "weight": 1.0})
    members.insert(1, "therapist", [f"T{j:03d}" for j in group])
    data = members[["patient", "therapist"]].assign(therapist_style=s[group] - s[group].mean())
    if text.endswith("format"):
        return with_format(rng, data, members, group, s, pre, a, spread), members
    w = membership(members, members["patient"]).matrix()
    for name, x in (("baseline", pre), ("perceived", a)):
        data[[f"{name}_within", f"{name}_between"]] = np.column_stack(within_between(x, w))
    style, inner, outer = data["therapist_style"], data["perceived_within"], -data["baseline_within"]
    factors = {"therapist_style by pretest": (style, outer), "perceived by therapist_style": (inner, style),
               "perceived by pretest": (inner, outer)}[text]  # fmt: skip
    varying = {"therapist_style by pretest": outer, "perceived by therapist_style": inner,
               "perceived by pretest": inner * outer}[text]  # fmt: skip
    y = (
        0.5 * pre
        + 0.25 * inner
        + kappa * factors[0] * factors[1]
        + spread * rng.normal(size=therapists)[group] * varying
    )
    y += rng.normal(0, 0.2, therapists)[group] + rng.normal(0, 0.8, len(group))
    return data.drop(columns="perceived_between").assign(y=y), members


def with_format(rng, data, members, group, s, pre, a, spread):
    """The same with three formats, the therapists' mean outcomes in which differ with an SD of `spread`."""
    kind = rng.choice(3, len(group), p=[0.25, 0.3, 0.45])
    w = membership(members, members["patient"]).matrix()
    columns = {
        "baseline": pre,
        "perceived": a,
        **{f"format_{name}": (kind == k) * 1.0 for k, name in enumerate(FORMATS)},
    }
    for name, x in columns.items():
        data[[f"{name}_within", f"{name}_between"]] = np.column_stack(within_between(x, w))
    y = 0.5 * pre + 0.25 * data["perceived_within"] + spread * rng.normal(size=(len(s), 3))[group, kind]
    y += rng.normal(0, 0.2, len(s))[group] + rng.normal(0, 0.8, len(group))
    return data.assign(y=y)


def described(text):
    """The description of an analysis set, as far as the model needs it."""
    predictor, _, moderator = text.partition(" by ")
    style = moderator == "therapist_style"
    columns = {"therapist": ["therapist_style"]} if style else {
        "between": ["baseline_between"], "within": ["baseline_within"]}  # fmt: skip
    levels = []
    if moderator == "format":
        columns = {level: [f"format_{name}_{level}" for name in FORMATS[1:]] for level in ("between", "within")}
        levels = [{"level": name, "indicator": f"format_{name}_within", "share": share, "patients": 9, "therapists": 9}
                  for name, share in zip(FORMATS, (0.25, 0.3, 0.45), strict=True)]  # fmt: skip
    asked = {
        "text": text, "analysis": "comparison", "main": ["perceived_within", "therapist_style"],
        "predictor": {"perceived": "perceived_within"}.get(predictor, predictor), "slopes": ["perceived_within"],
        "predictor_label": predictor, "moderator_label": moderator, "step": 1.0 if style else -1.0,
        "tested": "therapist" if style else "within", "columns": columns, "levels": levels,
        "range": [-2.0, 2.0], "rug": [],
    }  # fmt: skip
    return {"covariates": [], "sd_outcome": 1.0, "n_dropped": {}, "reference": "reference", "moderation": asked}


def random_parts(asked):
    """The random part of the product, and others to compare it with."""
    own = fitted.random_part(asked)
    known = [own[0] | {"known_zero": own[0]["terms"][1:]}]
    without = {"therapist_style by pretest": ["1", "perceived_within"], "perceived by therapist_style": ["1"],
               "perceived by pretest": ["1", "perceived_within"],
               "therapist_style by format": ["1", "perceived_within"]}[asked["text"]]  # fmt: skip
    return {
        "random slope": own,
        "random slope, variance 0 known": known,
        "no random slope": [own[0] | {"terms": without}],
    }


def analysed(cell, design, number, model, random):
    """p of the interaction, and whether the band covers the true line: everywhere, and over the observed range."""
    data, members = study(np.random.default_rng([31, DESIGNS.index(design), CELLS.index(cell), number]), design, **cell)
    about = described(cell["text"])
    with patch.object(fitted, "random_part", lambda asked: random):
        record = fitted.fit_moderation("moderation_x", data, members, about)["moderation_x"].record
    one = moderation([record], [about])["interactions"][0]
    if one.get("levels"):
        return {"p": one["interaction"]["p"], "line": np.nan, "range": np.nan}
    line = pd.DataFrame(one["line"])
    main = 0.25 if cell["text"].startswith("perceived") else 0.0
    truth = main + cell["kappa"] * line["at"]
    inside = bool(((line["band_low"] <= truth) & (truth <= line["band_high"])).all())
    terms = record["blocks"][0]["terms"]
    where = [record["vcov"]["terms"].index(t) for t in terms]
    adjusted = np.array(record["vcov_adjusted"]["values"])[np.ix_(where, where)]
    step = about["moderation"]["step"]
    off = np.array([next(f["estimate"] for f in record["fixed"] if f["term"] == t) for t in terms])
    off -= [main, cell["kappa"] / step]
    everywhere = bool(off @ np.linalg.solve(adjusted, off) <= one["band"]["critical"] ** 2)
    return {"p": one["interaction"]["p"], "line": everywhere, "range": inside}


def main(studies):
    path = HERE / "studies.csv"
    done = pd.read_csv(path) if path.is_file() else pd.DataFrame(columns=COLUMNS)
    known = set(zip(done["cell"], done["design"], done["model"], done["study"], strict=True))
    for k in range(studies):
        rows = []
        for number, cell in enumerate(CELLS):
            for design in DESIGNS:
                name = " × ".join(map(str, design))
                for model, random in random_parts(described(cell["text"])["moderation"]).items():
                    if (number, name, model, k) not in known:
                        found = analysed(cell, design, k, model, random)
                        rows.append({"cell": number, "design": name, "model": model, "study": k, **found})
        if rows:
            pd.DataFrame(rows, columns=COLUMNS).to_csv(path, mode="a", header=not path.is_file(), index=False)
    report(pd.read_csv(path))


def report(table):
    """Rates by cell, design and model, with their Monte Carlo standard error."""
    heads = ["interaction", "coefficient", "SD of slopes", "design", "model", "studies", "p < .05",
             "band covers the line", "band covers it in the observed range"]  # fmt: skip
    lines = ["# Tests of interactions, and simultaneous bands", "",
             "Standard errors of the simulation in brackets. Nominal: .05 (coefficient 0), .95.", "",
             f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]  # fmt: skip
    for (cell, design, model), own in table.groupby(["cell", "design", "model"], sort=False):
        about, n = CELLS[cell], len(own)
        rates = [own["p"].lt(0.05).mean(), own["line"].mean(), own["range"].mean()]
        shown = " | ".join("–" if np.isnan(r) else f"{r:.3f} ({np.sqrt(r * (1 - r) / n):.3f})" for r in rates)
        lines.append(f"| {about['text']} | {about['kappa']} | {about['spread']} | {design} | {model} | {n} | {shown} |")
    (HERE / "results.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=100)
    main(parser.parse_args().studies)
