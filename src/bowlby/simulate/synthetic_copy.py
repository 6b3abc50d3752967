"""A study drawn from the structure of another: its instruments, occasions, case loads and moments, other persons."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from bowlby.errors import UserError, problem
from bowlby.files import write_csv, write_text

ROUNDS = 10
NOTE = "# Simulated by bowlby from the frozen structure of a study: no person stands behind any row.\n"


def write_like(frozen: dict[str, Any], folder: str | Path, seed: int) -> list[Path]:
    """Draw and write a study of the structure that ``bowlby freeze`` wrote down.

    Parameters
    ----------
    frozen : dict
        With structure, configuration, title and instrument_files.
    folder : path
        Must be empty or absent.
    seed : int

    Returns
    -------
    list of Path
        Raw files, ``study.yaml`` and ``config.yaml``.

    Raises
    ------
    UserError
        If the file holds no structure, or the folder is not empty.
    """
    folder, made = Path(folder), frozen.get("structure")
    if not made:
        what = "the file holds no structure to draw a study from"
        raise UserError(problem(what, "freeze a run that has `people/` and `measures/` and five therapists or more"))
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(problem(f"{folder} is not empty", "name a folder that is empty or absent"))
    rng = np.random.default_rng(np.random.SeedSequence((seed, len(made["blocks"]))))
    people = _people(made, rng)
    scores = _scores(made["moments"], people, rng)
    files: list[dict | None] = []
    written = []
    for (level, instrument, about, role), blocks in _grouped(made["blocks"]).items():
        name = re.sub(r"\W+", "_", f"{level}s_{instrument}_{about}_{role}") + ".csv"
        tables = [_answers(block, people, scores, rng) for block in blocks]
        written.append(write_csv(folder / name, pd.concat(tables, ignore_index=True)))
        files.append(_file(name, level, blocks))
    for level in ("patient", "therapist"):
        table = _covariates(made["covariates"][level], people[level], rng)
        written.append(write_csv(folder / f"{level}s.csv", table))
        files.append(_person_file(level, made))
    study = {"name": f"{frozen['title']} (simulated)", "synthetic": True, "occasions": made["occasions"],
             "time_unit": made["time_unit"], "files": [file for file in files if file]}  # fmt: skip
    config = {k: v for k, v in frozen["configuration"].items() if k not in ("instruments", "registration")}
    config |= {"run": f"{config['run']}-simulated", "title": f"{frozen['title']} (simulated)", "study": "study.yaml"}
    for name, content in (("study", study), ("config", config)):
        text = NOTE + yaml.safe_dump(content, allow_unicode=True, sort_keys=False)
        written.append(write_text(folder / f"{name}.yaml", text))
    own = frozen.get("instrument_files") or {}
    return [*written, *(write_text(folder / "instruments" / name, text) for name, text in own.items())]


def _people(made: dict, rng: np.random.Generator) -> dict[str, pd.DataFrame]:
    """Therapists, and patients with their therapists; gamma-Poisson case loads."""
    load = made["case_load"]
    extra = max(load["sd"] ** 2 - load["mean"], 0.0)
    rate = rng.gamma(load["mean"] ** 2 / extra, 1.0, load["therapists"]) if extra else np.ones(load["therapists"])
    others = max(round(load["mean"] * load["therapists"]) - load["therapists"], 0)
    sizes = 1 + rng.multinomial(others, rate / rate.sum())
    first = rng.permutation(np.repeat(np.arange(load["therapists"]), sizes))
    other = rng.integers(0, load["therapists"], len(first))
    second = np.where(rng.random(len(first)) < load["switching"], other, first)
    mean, sd = load["sessions"] or (15.0, 5.0)
    sessions = np.maximum(np.rint(rng.normal(mean, sd, (2, len(first)))), 1).astype(int)
    sessions[1][second == first] = 0
    treated = {"first": first, "second": second, "sessions_1": sessions[0], "sessions_2": sessions[1]}
    patients = pd.DataFrame({"patient": [f"P{i:05}" for i in range(1, len(first) + 1)], **treated})
    therapists = [f"T{j:04}" for j in range(load["therapists"])]
    return {"patient": patients, "therapist": pd.DataFrame({"therapist": therapists})}


def _scores(moments: dict, people: dict[str, pd.DataFrame], rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Scores of all persons by scale: normal within and between therapists."""
    names, own = moments["scales"]["patient"], moments["scales"]["therapist"]
    patients, therapists = people["patient"], len(people["therapist"])
    r_between = moments["r_between"] or np.eye(len(names) + len(own)).tolist()
    between = _normal(r_between, moments["sd_between"], therapists, rng)
    within = _normal(moments["r_within"], moments["sd_within"], len(patients), rng)
    share = (patients["sessions_1"] / (patients["sessions_1"] + patients["sessions_2"])).to_numpy()[:, None]
    first, second = (between[patients[which], : len(names)] for which in ("first", "second"))
    values = np.array(moments["mean"])[: len(names)] + within + share * first + (1 - share) * second
    out = dict(zip(names, values.T, strict=True))
    return out | dict(zip(own, (np.array(moments["mean"])[len(names) :] + between[:, len(names) :]).T, strict=True))


def _normal(correlation, sd, n: int, rng: np.random.Generator) -> np.ndarray:
    """Normal draws with a correlation matrix that rounding may have made indefinite."""
    values, vectors = np.linalg.eigh(np.array(correlation, float).reshape(len(sd), len(sd)))
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    root /= np.sqrt((root**2).sum(axis=1, keepdims=True))
    return rng.standard_normal((n, len(sd))) @ root.T * np.array(sd)


def _grouped(blocks: list[dict]) -> dict[tuple, list[dict]]:
    out: dict[tuple, list[dict]] = {}
    for block in blocks:
        out.setdefault((block["level"], block["instrument"], block["about"], block["role"]), []).append(block)
    return out


def _answers(block: dict, people: dict, scores: dict, rng: np.random.Generator) -> pd.DataFrame:
    """Rows of one instrument at one occasion."""
    persons = people[block["level"]][block["level"]]
    label = " ".join(str(block[key]) for key in ("instrument", "role", "about", "occasion"))
    table = pd.DataFrame({block["level"]: persons, "occasion": block["occasion"]})
    if "codes" in block:
        table["code"] = rng.choice(list(block["codes"]), len(table), p=_sure(block["codes"]))
    for scale, given in block.get("scores", {}).items():
        values = np.clip(scores[f"{label} {scale}"], *(given["range"] or (-np.inf, np.inf)))
        table[scale] = np.rint(values) if given["whole"] else np.round(values, 3)
    for scale, items in block.get("items", {}).items():
        for item, value in zip(items, _items(items, block, scores[f"{label} {scale}"], rng).T, strict=True):
            value = sum(block["response"]) - value if item["reversed"] else value
            table[f"i{item['item']}"] = np.where(rng.random(len(table)) < block["missing"], np.nan, value)
    return table[rng.random(len(table)) < block["share"]]


def _items(items: list[dict], block: dict, score: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Answers in the scale's direction whose sum has the mean and SD of the score, rounding and bounds included."""
    mean, slope, sd = (np.array([item[key] for item in items]) for key in ("mean", "slope", "sd"))
    noise = rng.standard_normal((len(score), len(items))) * sd
    noise -= np.outer(noise.sum(axis=1), sd**2 / max((sd**2).sum(), 1e-12))  # the items add up to the score
    wider, higher = 1.0, 0.0
    for _ in range(ROUNDS):  # answers that are cut at the ends of the scale vary less, and are not in its middle
        centred = score.mean() - mean.sum() + wider * (score - score.mean()) + higher
        values = mean + np.outer(centred, slope) + noise
        values = np.clip(np.rint(values) if block["whole"] else np.round(values, 2), *block["response"])
        made = values.sum(axis=1)
        higher += score.mean() - made.mean()
        wider *= np.clip(score.std() / max(made.std(), 1e-12), 0.8, 1.25)
    return values


def _covariates(made: dict, people: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    table = people.drop(columns=[c for c in ("first", "second", "sessions_1", "sessions_2") if c in people])
    if "first" in people:
        switched = people["first"] != people["second"]
        table["therapist_1"] = [f"T{j:04}" for j in people["first"]]
        table["sessions_1"] = people["sessions_1"]
        table["therapist_2"] = pd.Series([f"T{j:04}" for j in people["second"]]).where(switched)
        table["sessions_2"] = people["sessions_2"].where(switched)
    for name, one in made.items():
        if "shares" in one:
            values = rng.choice(list(one["shares"]), len(table), p=_sure(one["shares"])).astype(object)
        else:
            values = rng.normal(one["mean"], one["sd"], len(table))
            values = (np.rint(values) if one["whole"] else np.round(values, 2)).astype(object)
        values[rng.random(len(table)) < one["missing"]] = None
        table[name] = values
    return table


def _sure(shares: dict[str, float]) -> np.ndarray:
    values = np.array(list(shares.values()))
    return values / values.sum()


def _file(name: str, level: str, blocks: list[dict]) -> dict:
    """The study file's entry of one instrument."""
    first = blocks[0]
    measure = {"instrument": first["instrument"], "about": first["about"], "role": first["role"]}
    if "codes" in first:
        measure["coded"] = "code"
    elif "scores" in first:
        measure["scored"] = {scale: scale for scale in first["scores"]}
        measure["scored_as"] = {scale: given["as"] for scale, given in first["scores"].items()}
    else:
        numbers = sorted(item["item"] for items in first["items"].values() for item in items)
        measure |= {"items": [f"i{n}" for n in numbers], "response": first["response"]}
    dated = {"when": {"column": "occasion"}} if first["occasion"] else {}
    return {"path": name, "who": {"person": level, "role": level}, **dated, "measures": [measure]}


def _person_file(level: str, made: dict) -> dict | None:
    """The study file's entry of patients or therapists."""
    kinds = {name: {"column": name, "kind": "category" if "shares" in one else "number"}
             for name, one in made["covariates"][level].items()}  # fmt: skip
    file = {"path": f"{level}s.csv", "who": {"person": level, "role": level}, "covariates": kinds}
    if level == "therapist":
        return file if kinds else None
    return file | {"episodes": [{"therapist": f"therapist_{k}", "sessions": f"sessions_{k}"} for k in (1, 2)]}
