"""The endpoints of a paper as one file that holds nothing of a patient, and a run compared with such a file."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import Any

from bowlby.config.study import Study
from bowlby.disclosure import small
from bowlby.errors import UserError, problem
from bowlby.files import plain, read_json, write_json
from bowlby.instruments.catalogue import load_instrument
from bowlby.instruments.model import Instrument, on_forms
from bowlby.reproduction.checksums import require_unchanged
from bowlby.reproduction.numbers import PRINTED, flat, is_number, same_as_printed
from bowlby.reproduction.verify import Outcome
from bowlby.results import Results
from bowlby.simulate.structure import structure

KIND = "bowlby frozen endpoints"
STATISTICS = r"(?:estimate|se|df|f|p|p_holm|p_fdr|ci\[\d\])"
DECIDED = rf"claims\.\w+\.(?:verdict|not_tested|qualified|fragile|{STATISTICS})"
SIZE = "n_obs|n_patients|n_therapists"
ENDPOINTS = {
    "verdict.json": DECIDED,
    "comparison.json": rf"(?:P|T|P-T|P\+T)\.{STATISTICS}|delta|{SIZE}",
    "pair.json": rf"contrasts\.[^.]+\.{STATISTICS}|claims\.\w+\.verdict|{SIZE}",
    "growth.json": rf"{DECIDED}|contrasts\.[^.]+\.{STATISTICS}|number\..*\.{STATISTICS}|start|end|{SIZE}",
    "session_to_session.json": rf"{DECIDED}|paths\..*\.{STATISTICS}|centred\..*\.{STATISTICS}|stationary_p|{SIZE}",
    "mediation.json": rf".*\.{STATISTICS}|mediators\[\d+\]\.(?:patient|therapist)\.estimable",
    "clinical_change.json": rf"models\.\w+\.\w+\[\d+\]\.{STATISTICS}|models\.\w+\.estimable|{SIZE}",
    "moderation.json": rf".*\.(?:interaction|slopes\[\d+\]|levels\[\d+\])\.{STATISTICS}|.*\.(?:{SIZE})",
    "suicidal_ideation.json": rf".*\.(?:count|n|{STATISTICS})|.*\.change\.\w+",
    "response_surface.json": rf"surfaces\[\d+\]\.(?:verdict|(?:contrasts|ridge)\.\w+\.{STATISTICS})",
    "style_transitions.json": rf"shares\.\w+\.{STATISTICS}|{SIZE}",
    "domains.json": rf".*\.(?:verdict|{STATISTICS})",
}
"""By file, the places of what a paper reports."""
MODELS = ("primary", "c4", "c5", "pair", "growth", "growth_within")


def endpoints(run: Results) -> dict[str, Any]:
    """What a paper reports of a run, by file and place; numbers of fewer than five persons are left out."""
    out = {}
    for file, places in ENDPOINTS.items():
        for place, value in flat(run.json(file) or {}):
            counted = place.startswith(("n_", "groups."))
            if re.fullmatch(places, place) and not (counted and small(value)):
                out[f"{file} {place}"] = value
    for model in (name for name in MODELS if name in run.fits):
        fit = run.fits[model]
        out |= {f"{model} {group}": n for group, n in {"rows": fit.n_obs, **fit.n_levels}.items() if not small(n)}
        for name, one in (fit.contrasts or fit.coefficients).items():
            out |= {f"{model} {name}.{key}": getattr(one, key) for key in ("estimate", "se", "df", "p")}
        for part in fit.variances:
            of = " with ".join(filter(None, (part.term, part.term2)))
            out[f"{model} {part.group}: {of}.variance"] = part.variance_or_cov
        out |= {f"{model} residual.variance": fit.residual_variance, f"{model} log-likelihood": fit.llf,
                f"{model} AIC": fit.aic}  # fmt: skip
    return out


def freeze(run: Results, own: Path | None = None) -> dict[str, Any]:
    """The endpoints of a run with what is needed to compute them again.

    Parameters
    ----------
    run : Results
    own : Path, optional
        Folder of the study's own instrument files, if it has some.

    Returns
    -------
    dict
        endpoints (by file and place), data (SHA-256 of every raw file), configuration, versions, commit, seed, and
        structure, from which :func:`bowlby.simulate.synthetic_copy.write_like` draws a study.

    Raises
    ------
    UserError
        If the run has no endpoints yet, or files of it were altered since.
    """
    require_unchanged(run.folder)
    found, manifest = endpoints(run), run.manifest
    if not found:
        raise UserError(problem(f"{run.folder} holds no fitted model", "finish the run first, by `bowlby run`"))
    return plain({
        "schema": 1,
        "kind": KIND,
        "title": run.title,
        "synthetic": run.synthetic,
        "endpoints": found,
        "data": manifest.get("inputs") or {},
        "configuration": {key: value for key, value in run.config.items() if key not in ("data", "results")},
        "versions": manifest.get("versions") or {},
        "commit": (manifest.get("git") or {}).get("commit"),
        "seed": manifest.get("seed"),
        "structure": structure(run, partial(_instrument, run, own)),
        "instrument_files": _own_files(run, own),
    })  # fmt: skip


def write_frozen(run: Results, path: Path, own: Path | None = None) -> Path:
    """Write :func:`freeze` as JSON.

    Raises
    ------
    UserError
        If the file is there already: endpoints are frozen once.
    """
    if path.exists():
        raise UserError(problem(f"{path} is there already", "name another file by --output; frozen endpoints stay"))
    return write_json(path, freeze(run, own))


def compare(run: Results, path: Path) -> Outcome:
    """Compare a run with frozen endpoints.

    Returns
    -------
    Outcome
        `numbers` counts the frozen numbers, `differing` says which are others in the run, `altered` and `missing` name
        raw files whose content is not that of the paper.

    Raises
    ------
    UserError
        If the file holds no frozen endpoints.
    """
    frozen = read_frozen(path)
    out, now = Outcome(), endpoints(run)
    for place, value in frozen["endpoints"].items():
        out.numbers += is_number(value) or bool(PRINTED.fullmatch(str(value)))
        if not same_as_printed(value, now.get(place)):
            out.differing.append(f"{place}: {value} frozen, {now.get(place, 'nothing')} in {run.folder.name}")
    inputs = run.manifest.get("inputs") or {}
    data = frozen.get("data") or {}
    out.missing = [f"raw file {name}" for name in data if name not in inputs]
    out.altered = [f"raw file {name}" for name, digest in data.items() if inputs.get(name, digest) != digest]
    return out


def read_frozen(path: Path) -> dict[str, Any]:
    """A file of frozen endpoints.

    Raises
    ------
    UserError
        If it is not one.
    """
    record = read_json(path) if path.is_file() else None
    if not isinstance(record, dict) or record.get("kind") != KIND or not isinstance(record.get("endpoints"), dict):
        raise UserError(problem(f"{path} holds no frozen endpoints", "name a file that `bowlby freeze` wrote"))
    return record


def _instrument(run: Results, own: Path | None, name: str) -> Instrument:
    """An instrument on the forms of a run's study."""
    if f"{name}.yaml" in (run.manifest.get("inputs") or {}) and own is None:
        what = f"{name} is an instrument of the study's own"
        raise UserError(problem(what, "name the run's configuration file too, by --config"))
    return on_forms(load_instrument(name, own), Study.model_validate(run.study).responses(name))


def _own_files(run: Results, own: Path | None) -> dict[str, str]:
    """The study's own instrument files by name; a key holds nothing of a person."""
    names = [name for name in run.manifest.get("inputs") or {} if own and (own / name).is_file()]
    return {name: (own / name).read_text("utf-8") for name in names if name.endswith(".yaml")}
