"""``reproduce.R`` and ``reproduce.py``: a run's main models fitted by others' code, beside the run's numbers."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from bowlby import __version__
from bowlby.files import read_json, write_text
from bowlby.fit import SETS

NAMES = ("reproduce.R", "reproduce.py")
MODELS = {
    "primary": "M1: perceived attachment and the therapist's own style together",
    "m_p": "perceived attachment without the therapist's own style",
    "m_t": "the therapist's own style without perceived attachment",
    "c4": "C4: the therapist's own style and perceived attachment",
    "c5": "C5: the patient's own style and perceived attachment",
    "pair": "both predictors of the pair together",
    "growth": "course of the outcome over time",
}
"""The main models of every analysis; others are left to :func:`bowlby.load_results`."""
TOLERANCE = {"estimate": 1e-3, "se": 1e-3, "df": 1e-2, "sd": 2e-3, "loglik": 1e-4}
"""Within which numbers agree; the units are in the scripts' heads."""
COLUMNS = ("model", "kind", "number", "weights", "estimate", "se", "df")


def write_scripts(folder: Path, models: Sequence[str], title: str) -> None:
    """Write ``reproduce.R`` and ``reproduce.py`` into a run's folder.

    Parameters
    ----------
    folder : Path
        ``results/<run>`` with its fits.
    models : sequence of str
        Models of the run; those of :data:`MODELS` among them are fitted again.
    title : str
        Of the run.
    """
    every = [read_json(folder / f"fits/{model}.json") for model in MODELS if model in models]
    records = [record for record in every if record["random"]]  # one without groups is lm(): nothing to check
    environment = Environment(
        loader=PackageLoader("bowlby.reproduction"), undefined=StrictUndefined, keep_trailing_newline=True
    )
    text = {
        "title": re.sub(r"[\s\"\\]+", " ", title).strip(),
        "version": __version__,
        "tolerance": TOLERANCE,
        "models": [_described(record) for record in records],
        "numbers": _numbers(records),
    }
    for name in NAMES:
        write_text(folder / name, environment.get_template(f"{name}.jinja").render(text))


def _described(record: dict) -> dict:
    """A model as both scripts need it."""
    fixed, random = [line["term"] for line in record["fixed"]], random_part(record)
    zero = record["known_zero"]
    return {
        "model": record["model"],
        "title": MODELS[record["model"]],
        "set": next(name for name, models in SETS.items() if record["model"] in models),
        "formula": formula(fixed, random),
        "fixed": json.dumps(fixed, ensure_ascii=False),
        "random": [f"({json.dumps(g)}, {json.dumps(t, ensure_ascii=False)}, {c})" for g, t, c in random],
        "reml": record["reml"],
        "membership": record["model"] != "growth",  # its rows name the therapist of the time
        "zero": ", ".join(json.dumps(term, ensure_ascii=False) for term in zero),
        "zero_names": json.dumps(zero, ensure_ascii=False),
    }


def random_part(record: dict) -> list[tuple[str, list[str], bool]]:
    """Group, terms and whether these are correlated, of every random term of a kept fit; 1 is the intercept."""
    out = []
    for group in dict.fromkeys(line["group"] for line in record["random"]):
        lines = [line for line in record["random"] if line["group"] == group]
        terms = ["1" if line["term"] == "Intercept" else line["term"] for line in lines if line["term2"] is None]
        out.append((group, terms, len(lines) > len(terms)))
    return out


def formula(fixed: Sequence[str], random: Sequence[tuple[str, list[str], bool]]) -> str:
    """A model as lme4 writes it.

    Examples
    --------
    >>> formula(["Intercept", "pre"], [("therapist", ["1", "pre"], False), ("patient", ["1", "time"], True)])
    'y ~ pre + (1 | therapist) + (0 + pre | therapist) + (1 + time | patient)'
    """
    terms = [_name(term) for term in fixed if term != "Intercept"] or ["1"]
    for group, names, correlated in random:
        words = [_name(term) for term in names]
        if correlated:
            terms.append(f"({' + '.join(words if words[0] == '1' else ['0', *words])} | {group})")
        else:
            terms += [f"({word if word == '1' else f'0 + {word}'} | {group})" for word in words]
    return f"y ~ {' + '.join(terms)}"


def _name(term: str) -> str:
    return term if re.fullmatch(r"1|[A-Za-z][\w.]*", term, re.ASCII) else f"`{term}`"


def _numbers(records: Sequence[dict]) -> str:
    """The numbers to compare, as CSV with :data:`COLUMNS`."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(COLUMNS)
    for record in records:
        model = record["model"]
        table.writerow((model, "loglik", "log-likelihood", "", record["llf"], "", ""))
        for line in (line for line in record["random"] if line["term2"] is None):
            name = f"SD of {line['group']}: {line['term']}"
            table.writerow((model, "sd", name, f"{line['group']}|{line['term']}", line["sd_or_corr"], "", ""))
        table.writerow((model, "sd", "SD of the residual", "Residual|", record["scale"] ** 0.5, "", ""))
        for line in record["fixed"]:
            table.writerow((model, "effect", line["term"], f"{line['term']}=1", *_values(line)))
        for line in record["contrasts"]:
            weights = ";".join(f"{term}={weight!r}" for term, weight in line["weights"].items())
            table.writerow((model, "effect", line["name"], weights, *_values(line)))
    return out.getvalue()


def _values(line: dict) -> tuple:
    """Estimate, standard error and df as the model gives them, without the error of the standardising SDs."""
    values = (line["estimate"], line.get("se_known_sd", line["se"]), line.get("df_known_sd", line["df"]))
    return tuple("" if value is None else repr(value) for value in values)
