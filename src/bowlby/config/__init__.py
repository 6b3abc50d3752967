"""Configuration: the run's file, the study file, and their errors."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bowlby.config.base import M, parse
from bowlby.config.run import Run
from bowlby.config.study import Study
from bowlby.config.yamlfile import Document, read_yaml
from bowlby.errors import Place, Problem, UserError, problem

__all__ = ["Loaded", "LoadedStudy", "Run", "Study", "load", "read_config"]

PLACES = ("study", "data", "instruments")
"""Keys of the run's file that say where the study is."""


@dataclass(frozen=True)
class LoadedStudy:
    """A study file with the places its relative paths start from.

    Attributes
    ----------
    study_path : Path
    study : Study
    data_dir : Path
        Folder that the paths of raw files start from.
    instruments_dir : Path
        Folder of the user's own instruments (may be absent).
    run : Run or None
        The run's file; None where it has problems of its own.
    """

    study_path: Path
    study: Study
    data_dir: Path
    instruments_dir: Path
    run: Run | None

    @property
    def raw_files(self) -> list[Path]:
        """The study's raw files in its order, then the data dictionaries."""
        return [*(self.data_dir / file.path for file in self.study.files), *self.dictionaries.values()]

    @property
    def dictionaries(self) -> dict[str, Path]:
        """REDCap data dictionaries that the study file names."""
        return {f.dictionary: self.data_dir / f.dictionary for f in self.study.files if f.dictionary}


@dataclass(frozen=True)
class Loaded(LoadedStudy):
    """A run's file and its study file.

    Attributes
    ----------
    run : Run
    path : Path
        Of the run's file.
    document : Document
        The run's file as text.
    """

    run: Run
    path: Path
    document: Document

    def located(self, problems: Iterable[Problem]) -> list[Problem]:
        """Problems of the run's file whose text begins with a key, such as ``outcome.post``, with the key's line."""
        return [problem(p.what, p.do, Place(self.path.name, self._line(p.what))) for p in problems]

    def _line(self, what: str) -> int | None:
        """The line of the key that a text begins with; None if the file does not hold its first part."""
        begin = re.match(r"[\w.]+(\[\d+\][\w.]*)*", what)
        parts = re.findall(r"[^.\[\]]+", begin[0]) if begin else []
        key = tuple(int(part) if part.isdecimal() else part for part in parts)
        return self.document.line(key) if key[:1] in self.document.lines else None

    @property
    def title(self) -> str:
        """Title of the report; by default the study's name, with the run's where that says something else."""
        if self.run.title:
            return self.run.title
        name = self.study.name
        told = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
        return name if self.run.run in told else f"{name} ({self.run.run})"


def load(path: str | Path) -> Loaded:
    """Read and check a run's file and its study file.

    Raises
    ------
    UserError
        All problems of both files, one line each.
    """
    loaded, problems = read_config(path)
    if problems or not isinstance(loaded, Loaded):
        raise UserError(problems)
    return loaded


def read_config(path: str | Path) -> tuple[LoadedStudy | None, list[str]]:
    """What can be read of a run's file and its study file, and the problems of both, one line each.

    Returns
    -------
    loaded : Loaded, LoadedStudy or None
        ``LoadedStudy`` where only the study file is without problems; None where it is not.
    problems : list of str
    """
    path = Path(path)
    problems: list[str] = []
    run, document = _parsed(path, Run, problems)
    raw = document.data
    if "files" in raw and "study" not in raw:
        what = "is a study file: it has `files:`", "name the run's file, whose `study:` is the path of this one"
        return None, [problem(*what, Place(path.name))]
    written = run.model_dump(include=set(PLACES)) if run else {k: raw.get(k) for k in PLACES}
    study_name, data, own = (v if isinstance(v := written[key], str) else None for key in PLACES)
    study_path = None if study_name is None else path.parent / study_name
    study = _parsed(study_path, Study, problems)[0] if study_path else None
    if study_path is None or study is None:
        return None, problems
    data_dir = path.parent / data if data else study_path.parent
    places = (study_path, study, data_dir, path.parent / (own or "instruments"))
    loaded = Loaded(*places, run, path, document) if run else LoadedStudy(*places, None)
    return loaded, [*problems, *_absent_dictionaries(loaded)]


def _parsed(path: Path, model: type[M], problems: list[str]) -> tuple[M | None, Document]:
    """One file as its model, None where it has problems (which are added to the list), and as it stands there."""
    document = Document(path, {})
    try:
        document = read_yaml(path)
        return parse(document, model), document
    except UserError as error:
        problems += error.problems
        return None, document


def _absent_dictionaries(loaded: LoadedStudy):
    for name, path in loaded.dictionaries.items():
        if not path.is_file():
            yield problem("no such file", "correct `dictionary:` in the study file", Place(name))
