"""What a run will make, known before anything runs."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

from bowlby.config import Loaded, load
from bowlby.config.moderation import interactions
from bowlby.errors import Place, UserError, problem
from bowlby.files import read_json
from bowlby.fingerprint import checksum
from bowlby.fit import models_of
from bowlby.resources import SMALL, size
from bowlby.robustness.jobs import QUICK, Work, batches, works
from bowlby.run_marker import MARKER, begun_with, moved
from bowlby.terms import RESPONSE_SURFACE

JOB, JOB_MORE = 5.0, 0.05
"""Seconds that a job lasts, its start included, and more for each MB of raw data as text."""


@dataclass(frozen=True)
class Plan:
    """A run's files and settings.

    Attributes
    ----------
    loaded : Loaded
        Configuration and study.
    folder : Path
        ``<results>/<run>``, relative to the working directory.
    """

    loaded: Loaded
    folder: Path

    @property
    def instruments(self) -> list[str]:
        """Instruments of the study, sorted."""
        return sorted({m.instrument for f in self.loaded.study.files for m in f.measures})

    @property
    def sets(self) -> list[str]:
        """Analysis sets that the configuration asks for."""
        run = self.loaded.run
        sets = [s for s in ("pair", "growth", "session_to_session", "style_transitions") if getattr(run, s)]
        sets += [one.name for one in interactions(run)]
        sets += [f"{RESPONSE_SURFACE}{scale}" for scale in run.matched_scales]
        if run.comparison is None:
            return sets
        further = [s for s, given in (("early", run.outcome.early), ("sessions", run.outcome.after)) if given]
        ratings = [b for b in ("alliance", "mentalizing") if getattr(run.comparison, b)]
        through = [f"mediation_{name}" for name in run.mediation.mediators] if run.mediation else []
        change = ["clinical_change"] if run.clinical_change else []
        return ["primary", "perceived", *further, *ratings, *through, *change, *sets]

    @property
    def small(self) -> bool:
        """Whether a few jobs make all stages."""
        return size(self.raw) <= SMALL

    @property
    def batches(self) -> dict[str, list[str]]:
        """Analysis sets that one job makes, by the name of the job: of a small study all, else each by itself."""
        if self.small:
            return {"analysis": self.sets}
        return {name: [name] for name in self.sets}

    def models(self, *names: str) -> list[str]:
        """Models fitted to these analysis sets, or to all."""
        comparison = self.loaded.run.comparison
        absent = set() if comparison and comparison.patient_style else {"c5"}
        growth = self.loaded.run.growth
        if not (growth and growth.perceived):
            absent.add("growth_between")
        if not (growth and growth.within_patient):
            absent.add("growth_within")
        for rating in ("alliance", "mentalizing"):
            if not (comparison and getattr(comparison, rating) and getattr(comparison, rating).apart):
                absent.add(f"{rating}_scales")
        return [m for s in names or self.sets for m in models_of(s, absent)]

    @property
    def robustness(self) -> dict[str, Work]:
        """Kinds of robustness that the configuration asks for, as jobs."""
        return works(self.loaded.run.robustness, size(self.raw))

    @property
    def apart(self) -> dict[str, list[Work]]:
        """Batches of robustness that are jobs of their own: none where a small study's kinds are quick."""
        kinds = self.robustness
        quick = sum(work.seconds for work in kinds.values()) <= QUICK
        whole = all(work.shards == 1 for work in kinds.values())
        return {} if self.small and quick and whole else batches(kinds)

    @property
    def raw(self) -> list[str]:
        """Raw data files and own instrument files."""
        own = [self.loaded.instruments_dir / f"{i}.yaml" for i in self.instruments]
        return [str(relative(p)) for p in (*self.loaded.raw_files, *(p for p in own if p.is_file()))]

    def seconds(self, jobs: dict[str, int]) -> float:
        """Processor time of jobs, from what was measured on studies of other sizes.

        Parameters
        ----------
        jobs : dict of int
            Number of jobs by name of the rule.
        """
        total = sum(jobs.values()) * (JOB + JOB_MORE * size(self.raw))
        if "analyse" in jobs and not self.apart:
            total += sum(work.seconds for work in self.robustness.values())
        for name, batch in self.apart.items():
            share = jobs.get(f"robustness_{name}", 0) + jobs.get(f"shard_{name}", 0) / batch[0].shards
            total += share * sum(work.seconds for work in batch)
        return total

    def checksums(self) -> dict[str, str]:
        """Content of the raw files, so that other data under an older date are noticed."""
        return {path: checksum(path) for path in self.raw}

    def stale_elsewhere(self) -> bool:
        """Whether the results were moved here, and were made with another configuration or other data.

        Snakemake has no record of such results and would take them for those of this configuration.
        """
        if not moved(self.folder):
            return False
        manifest = self.folder / "manifest.json"
        made_of = read_json(manifest).get("inputs") if manifest.is_file() else None
        same_data = made_of == {Path(path).name: digest for path, digest in self.checksums().items()}
        return not same_data or begun_with(self.folder) not in (None, self.digest)

    @property
    def digest(self) -> str:
        """Hash of the whole configuration and study file."""
        return self.settings(*type(self.loaded.run).model_fields)

    def settings(self, *keys: str) -> str:
        """Hash of parts of the configuration (``block.key`` for one key); ``study`` means the whole study file."""
        run = self.loaded.run.model_dump(mode="json")
        run["study"] = self.loaded.study.model_dump(mode="json")
        chosen = {}
        for key in keys:
            block, _, inner = key.partition(".")
            chosen[key] = run[block].get(inner) if inner and run[block] else run[block]
        text = json.dumps(chosen, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def plan(config: str | Path, begun: bool = False) -> Plan:
    """Read a configuration and check what can be checked before running.

    Parameters
    ----------
    config : str or Path
    begun : bool
        Whether the run has begun. That its files fit together was checked at its start, and is not checked again if
        the folder's marker says with which configuration it began (:func:`bowlby.run_marker.begun_with`).

    Raises
    ------
    UserError
        All problems, one line each: in the files themselves, raw files that are not there, a results folder that
        is not ours.
    """
    loaded = load(relative(config))
    problems = [line for number, path in enumerate(loaded.raw_files) if (line := _absent(loaded, number, path))]
    problems += mismatches(loaded, begun)
    if problems:
        raise UserError(problems)
    return Plan(loaded, results_of(loaded))


def _absent(loaded: Loaded, number: int, path: Path) -> str | None:
    """Why a raw file or data dictionary cannot be read, as one line."""
    files = loaded.study.files
    key = f"files[{number}].path" if number < len(files) else "`dictionary:`"
    place = Place(files[number].path if number < len(files) else path.name)
    if not path.is_file():
        folder = relative(path).parent.as_posix()
        wrong = f"{key} in the study file" + (f" or `data:` in {loaded.path.name}" if loaded.run.data else "")
        return problem(f"no such file in {folder}", f"correct {wrong}, or put the file there", place)
    try:
        with path.open("rb"):
            return None
    except OSError as error:
        return problem(f"cannot be opened ({error.strerror})", "ask for permission to read it, or use a copy", place)


def relative(path: str | Path) -> Path:
    """A path from the working directory on, so that nothing is computed again where both are moved together.

    Links in the way are followed (``..`` behind them would lead elsewhere); a file that is a link keeps its name.
    """
    path = Path(path)
    try:
        return Path(os.path.relpath(path.parent.resolve() / path.name, Path.cwd().resolve()))
    except ValueError:  # another drive
        return path


def results_of(loaded: Loaded) -> Path:
    """The folder of a run's results, relative to the working directory."""
    return Path(loaded.run.results) / loaded.run.run


def mismatches(loaded: Loaded, begun: bool = False) -> list[str]:
    """What does not fit between the run's file, the study file and the results folder; no raw file is looked at."""
    folder = results_of(loaded)
    problems = [] if begun and begun_with(folder) else _unmet_requirements(loaded)
    if not (folder / MARKER).is_file() and _holds_files(folder):
        what = f"the folder {folder} was not made by bowlby"
        problems.append(problem(what, "choose another `run:` name, or move that folder away"))
    nearest = next((place for place in (folder, *folder.parents) if place.exists()), Path())
    if not nearest.is_dir():
        problems.append(problem(f"{nearest}, the place of the results, is a file", "choose another `results:`"))
    elif not os.access(nearest, os.W_OK):
        problems.append(problem(f"the folder {nearest} cannot be written to", "choose another `results:`"))
    return problems


def _holds_files(folder: Path) -> bool:
    """Whether a folder holds a file, but for those that Snakemake writes before the first job marks it as ours."""
    files = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return any(path.parts[0] not in ("logs", "benchmarks") for path in files)


def _unmet_requirements(loaded: Loaded) -> list[str]:
    """The run may only require what the study has."""
    from bowlby.design.requirements import instruments_of, unmet

    if not any(f.measures for f in loaded.study.files):
        what = "the study file has no instrument"
        return [problem(what, "add `measures:` to one of its files", Place(loaded.study_path.name))]
    return [*loaded.located(unmet(loaded.run, loaded.study, instruments_of(loaded)))]
