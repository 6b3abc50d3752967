"""Configuration: the run's file, the study file, and their errors."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from bowlby.config.base import parse
from bowlby.config.run import Run
from bowlby.config.study import Study
from bowlby.config.yamlfile import read_yaml
from bowlby.errors import Place, UserError, problem

__all__ = ["Loaded", "Run", "Study", "load"]


@dataclass(frozen=True)
class Loaded:
    """A run's configuration with the places its relative paths start from."""

    path: Path
    run: Run
    study_path: Path
    study: Study

    @property
    def title(self) -> str:
        """Title of the report; by default the study's name, with the run's where that says something else."""
        if self.run.title:
            return self.run.title
        name = self.study.name
        told = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
        return name if self.run.run in told else f"{name} ({self.run.run})"

    @property
    def instruments_dir(self) -> Path:
        """Folder of the user's own instruments (may be absent)."""
        return self.path.parent / self.run.instruments

    @property
    def data_dir(self) -> Path:
        """Folder that the paths of raw files start from."""
        return self.path.parent / self.run.data if self.run.data else self.study_path.parent

    @property
    def raw_files(self) -> list[Path]:
        """The study's raw files in its order, then the data dictionaries."""
        return [*(self.data_dir / file.path for file in self.study.files), *self.dictionaries.values()]

    @property
    def dictionaries(self) -> dict[str, Path]:
        """REDCap data dictionaries that the study file names."""
        return {f.dictionary: self.data_dir / f.dictionary for f in self.study.files if f.dictionary}


def load(path: str | Path) -> Loaded:
    """Read and check a run's file and its study file.

    Raises
    ------
    UserError
        All problems of both files, one line each.
    """
    path, problems = Path(path), []
    run, raw = _parsed(path, Run, problems)
    named = run.study if run else raw.get("study")
    study_path = path.parent / named if isinstance(named, str) else None
    study = _parsed(study_path, Study, problems)[0] if study_path else None
    if problems:
        raise UserError(problems)
    loaded = Loaded(path, run, study_path, study)
    if problems := list(_absent_dictionaries(loaded)):
        raise UserError(problems)
    return loaded


def _parsed(path: Path, model, problems: list[str]) -> tuple[Run | Study | None, dict]:
    """One file as its model, None where it has problems (which are added to the list), and as it stands there."""
    raw: dict = {}
    try:
        document = read_yaml(path)
        raw = document.data
        return parse(document, model), raw
    except UserError as error:
        problems += error.problems
        return None, raw


def _absent_dictionaries(loaded: Loaded):
    for name, path in loaded.dictionaries.items():
        if not path.is_file():
            yield problem("no such file", "correct `dictionary:` in the study file", Place(name))
