"""The numbers of a run again: from its analysis sets, or from the raw files."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from shutil import copytree
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from bowlby import stages
from bowlby.compare.moderation import moderation_of
from bowlby.compare.response_surface import surfaces_of
from bowlby.config import Loaded
from bowlby.config.base import parse
from bowlby.config.run import Run
from bowlby.config.study import Study
from bowlby.config.yamlfile import read_yaml
from bowlby.errors import Place, UserError, problem
from bowlby.estimands.mediation import mediation_of
from bowlby.files import plain, read_json, read_parquet, read_set
from bowlby.instruments.catalogue import list_instruments
from bowlby.manifest import ROOT, git_state
from bowlby.reproduction.checksums import CHECKSUMS, changed_files
from bowlby.reproduction.numbers import TOLERANCE, ZERO, flat, is_number, same
from bowlby.schema import older_names

NOT_OF_SCORES = ("issues.csv", "dictionary.csv")
ABSENT = "nothing"


@dataclass
class Outcome:
    """What was compared.

    Attributes
    ----------
    numbers : int
        Numbers compared.
    differing : list of str
        Lines: file, place, number as kept, number as computed.
    altered, missing : list of str
        Files that are not as the run left them.
    listed : bool
        Whether there was a list of checksums; a workflow that uses this one as a module writes none.
    computed : bool
        Whether the folder holds the data that numbers are computed from; an archive of `bowlby share` holds none.
    """

    numbers: int = 0
    differing: list[str] = field(default_factory=list)
    altered: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    listed: bool = True
    computed: bool = True

    @property
    def good(self) -> bool:
        """Whether everything agrees."""
        return not (self.differing or self.altered or self.missing)


def verify(folder: Path, loaded: Loaded | None = None) -> Outcome:
    """Compare a run with its checksums and its numbers with those computed again.

    Parameters
    ----------
    folder : Path
        ``results/<run>``.
    loaded : Loaded, optional
        The run's configuration beside its raw files: then the analysis sets are made again from these first.

    Returns
    -------
    Outcome

    Raises
    ------
    UserError
        If the folder holds no run, or one of another version whose records this one cannot read.
    """
    manifest = folder / "manifest.json"
    if not manifest.is_file():
        raise UserError(problem("there is no run in this folder", "name a folder under results/", Place(str(folder))))
    if older_names(folder):
        version = read_json(manifest).get("versions", {}).get("bowlby", "not known")
        what = f"the run was made by an older version ({version}), in which terms of models and columns had other names"
        do = "install that version to verify it, or run the study again; `sha256sum -c checksums.txt` checks its files"
        raise UserError(problem(what, do, Place(str(folder))))
    try:
        return _verified(folder, read_json(manifest), loaded)
    except (AttributeError, KeyError) as error:  # a record without what this version reads of it
        commit = (read_json(manifest).get("git") or {}).get("commit")
        if commit == git_state(ROOT)["commit"]:
            raise
        what = f"the run was made by another version of the code (commit {commit or 'not known'}), whose records differ"
        do = (
            "check out that version to verify it, or run the study again; `sha256sum -c checksums.txt` checks its files"
        )
        raise UserError(problem(what, do, Place(str(folder)))) from error


def _verified(folder: Path, manifest: dict[str, Any], loaded: Loaded | None) -> Outcome:
    out = Outcome()
    _hashes(folder, out)
    stated = {key: value for key, value in manifest["config"].items() if value is not None}
    out.computed = any(path for kind in ("analysis", "measures") for path in folder.glob(f"{kind}/*.parquet"))
    if not out.computed:
        return out
    run = loaded.run if loaded else Run.model_validate(stated)
    with TemporaryDirectory() as scratch:
        if loaded is not None:
            _from_raw(loaded, folder, Path(scratch), out)
        elif run.scores is not None:
            _from_measures(run, folder, Path(scratch), out)
    try:
        _from_sets(run, folder, out)
    except FileNotFoundError as error:
        out.differing.append(f"{error.filename}: not there; what is computed from this file was not compared")
    return out


def _hashes(folder: Path, out: Outcome) -> None:
    out.listed = (folder / CHECKSUMS).is_file()
    if out.listed:
        out.missing, out.altered = changed_files(folder)


def _from_raw(loaded: Loaded, folder: Path, scratch: Path, out: Outcome) -> None:
    """Analysis sets from the raw files, by way of measures and scores, against those of the run."""
    stages.ingest(loaded, scratch)
    instruments = sorted(path.stem for path in (scratch / "measures").glob("*.parquet"))
    stages.score(loaded, scratch, instruments)
    for name in _sets(folder):
        stages.design(loaded, scratch, name, instruments)
        kept, made = (read_parquet(f / f"analysis/{name}.parquet") for f in (folder, scratch))
        _frames(f"analysis/{name}.parquet", kept, made, out)
    if loaded.run.scores is not None:
        _scores(folder, scratch, out, instruments)


def _from_measures(run: Run, folder: Path, scratch: Path, out: Outcome) -> None:
    """Scores, and what is told of them, from the measures that a run of `scores:` alone has kept."""
    study = parse(read_yaml(folder / "study.yaml"), Study)
    config = folder / "config.yaml"
    loaded = Loaded(folder / "study.yaml", study, folder, folder / "instruments", run, config, read_yaml(config))
    for kept in ("people", "measures"):
        copytree(folder / kept, scratch / kept)
    instruments = sorted(path.stem for path in (folder / "measures").glob("*.parquet"))
    if own := sorted(set(instruments) - set(list_instruments())):
        what = f"the key of {', '.join(own)} is not in the results folder"
        raise UserError(problem(what, "give the run's file with --config", Place(str(folder))))
    stages.score(loaded, scratch, instruments)
    _scores(folder, scratch, out, instruments)


def _scores(folder: Path, scratch: Path, out: Outcome, instruments: list[str]) -> None:
    """Measures, scores and their tables of two folders."""
    for name in (f"{kind}/{i}.parquet" for i in instruments for kind in ("measures", "scores")):
        _frames(name, read_parquet(folder / name), read_parquet(scratch / name), out)
    for name in sorted(path.name for path in scratch.glob("*.csv") if path.name not in NOT_OF_SCORES):
        _frames(name, pd.read_csv(folder / name), pd.read_csv(scratch / name), out)


def _from_sets(run: Run, folder: Path, out: Outcome) -> None:
    """Fits from the analysis sets, estimands from the fits, and the comparison from both."""
    for name in _sets(folder):
        fits = stages.fits_of(run, name, *read_set(folder, name))
        for model, fitted in fits.items():
            _compare(f"fits/{model}.json", read_json(folder / f"fits/{model}.json"), fitted.record, out)
    if "session_to_session" in _sets(folder):
        kept = read_json(folder / "session_to_session.json")
        _compare("session_to_session.json", kept, stages.lead_of(run, folder), out)
    if run.growth and run.growth.predictors:
        _compare("growth.json", read_json(folder / "growth.json"), stages.growth_of(run, folder), out)
    for name in sorted({"clinical_change", "style_transitions"}.intersection(_sets(folder))):
        _compare(f"{name}.json", read_json(folder / f"{name}.json"), stages.change_of(run, folder, name), out)
    if run.mediation:
        made = mediation_of(run.mediation.mediators, folder, run.seed)
        _compare("mediation.json", read_json(folder / "mediation.json"), made, out)
    if run.moderation:
        _compare("moderation.json", read_json(folder / "moderation.json"), moderation_of(run, folder), out)
    if run.response_surface:
        kept = read_json(folder / "response_surface.json")
        _compare("response_surface.json", kept, surfaces_of(run, folder), out)
    if "pair" in _sets(folder):
        kept = {k: v for k, v in read_json(folder / "pair.json").items() if k != "doubts"}
        _compare("pair.json", kept, stages.pair_of(run, folder), out)
    if "primary" in _sets(folder):
        for name, record in stages.estimands_of(run, folder).items():
            _compare(f"estimands/{name}.json", read_json(folder / f"estimands/{name}.json"), record, out)
        for name, record in stages.verdict_of(run, folder).items():
            kept, made = (
                {k: v for k, v in one.items() if k != "version"} for one in (read_json(folder / name), record)
            )
            _compare(name, kept, made, out)


def _sets(folder: Path) -> list[str]:
    return sorted(path.name.removesuffix(".design.json") for path in (folder / "analysis").glob("*.design.json"))


def _compare(file: str, kept: Any, made: Any, out: Outcome) -> None:
    """Values of two records by place; places that only one of them has differ too."""
    before, now = dict(flat(kept)), dict(flat(plain(made)))
    out.numbers += sum(map(is_number, before.values()))
    for place in [*before, *(place for place in now if place not in before)]:
        one, other = before.get(place, ABSENT), now.get(place, ABSENT)
        if not same(one, other):
            out.differing.append(f"{file} {place}: {one} kept, {other} computed")


def _frames(file: str, kept: pd.DataFrame, made: pd.DataFrame, out: Outcome) -> None:
    if list(kept.columns) != list(made.columns) or len(kept) != len(made):
        out.differing.append(f"{file}: {len(kept)} rows kept, {len(made)} computed")
        return
    for column in kept:
        numbers = pd.api.types.is_numeric_dtype(kept[column])
        out.numbers += len(kept) if numbers else 0
        one, other = kept[column].reset_index(drop=True), made[column].reset_index(drop=True)
        if numbers:
            apart = (one.astype(float) - other.astype(float)).abs() > TOLERANCE * one.astype(float).abs() + ZERO
            apart |= one.isna() != other.isna()
        else:
            apart = one.astype("string").fillna("") != other.astype("string").fillna("")
        if apart.any():
            out.differing.append(f"{file} {column}: {int(apart.sum())} of {len(kept)} values differ")
