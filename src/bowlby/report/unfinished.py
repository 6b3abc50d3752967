"""The page of a run that is not finished: what failed and why, what waits for it, and what there is nevertheless."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bowlby.errors import OWN_ERROR, UserError
from bowlby.files import write_text
from bowlby.report.section import render
from bowlby.run_marker import CHECKSUMS, MARKER, PAGE

DONE = "done"
SHOWN = 20
OLD = 1_000_000_000
PARTS = {
    "ingest_and_score": "Reading the files and scoring",
    "ingest": "Reading the files",
    "score": "Scoring",
    "analyse": "Analysis",
    "decide": "Verdict and further results",
    "build": "Analysis set",
    "fit": "Model fits",
    "estimate": "Estimands",
    "robustness": "Robustness checks",
    "shard": "Robustness checks",
    "gather": "Robustness checks",
    "compare": "Verdict",
    "write_manifest": "Provenance",
    "present": "Figures, tables and the full report",
    "draw": "Figures",
    "write_tables": "Tables",
    "write_report": "The page itself",
}
STATES = {"failed": "failed", "interrupted": "interrupted", "waiting": "not begun"}


@dataclass(frozen=True)
class Job:
    """A part of the run that is still to be done.

    Attributes
    ----------
    rule : str
        Its rule.
    outputs, logs : list of Path
        What it writes.
    """

    rule: str
    outputs: list[Path]
    logs: list[Path]

    @property
    def name(self) -> str:
        """What the part is called on paper."""
        title = next((words for start, words in PARTS.items() if self.rule.startswith(start)), None)
        middle = self.rule.split("_")[1] if self.rule.count("_") > 1 else ""
        if title is None:
            return self.rule.replace("_", " ").capitalize()
        one = self.rule.startswith(("build", "fit")) and middle
        return f"{title}: {middle}" if one else title


def jobs(needed: Iterable) -> list[Job]:
    """The jobs that a workflow engine still has to do; the rule that only collects targets is none."""
    waiting = [
        Job(job.rule.name, [Path(str(f)) for f in job.output], [Path(str(f)) for f in job.log])
        for job in needed
        if len(job.output)
    ]
    return sorted(waiting, key=lambda job: job.rule)


def begin(folder: str | Path, needed: Iterable) -> None:
    """Put a page that says so in place of the old one, where this run is to write a new one."""
    folder = Path(folder)
    if any(folder / PAGE in job.outputs for job in jobs(needed)):
        _put(folder, render("unfinished.html"))


def stop(folder: str | Path, needed: Iterable, manifest: Callable[[Path], None] | None = None) -> None:
    """Write the page of a run that stopped, from the files that are not to be made again.

    Parameters
    ----------
    folder : path
        ``results/<run>``.
    needed : iterable
        Jobs that the workflow engine still has to do.
    manifest : callable, optional
        Writes the run's manifest and configuration into a folder, where they are to be made again.
    """
    folder, left = Path(folder), jobs(needed)
    if not left:
        return
    from bowlby.report import build_report

    stale = {path.resolve() for job in left for path in job.outputs}
    own, start = folder.resolve(), _start(folder)
    there = [path for path in stale if path.is_file() and path.is_relative_to(own)]
    before = [path for path in there if path.stat().st_mtime < start]
    earlier = {path.relative_to(own).parts[0] for path in before} - {PAGE}
    if earlier and (folder / CHECKSUMS).is_file():
        earlier.add(CHECKSUMS)
    with tempfile.TemporaryDirectory() as temporary:
        view = Path(temporary) / folder.name
        view.mkdir()
        for path in folder.rglob("*"):
            if path.is_file() and path.resolve() not in stale:
                place = view / path.relative_to(folder)
                place.parent.mkdir(parents=True, exist_ok=True)
                place.symlink_to(path.resolve())
        if manifest and not (view / "manifest.json").exists():
            with suppress(OSError, UserError):  # a file of the study that is no longer there
                manifest(view)
        _put(folder, build_report(view, missing=parts(folder, left), earlier=sorted(earlier)))


def parts(folder: Path, left: list[Job]) -> list[dict]:
    """Each part that is missing: name, state, and the reasons that its log gives; what failed comes first."""
    start, rows = _start(folder), []
    for job in left:
        state = "waiting"
        why: list[str] = []
        for log in job.logs:
            if log.is_file() and log.stat().st_mtime >= start:
                state, why = _read(log)
        rows.append({"name": job.name, "state": state, "said": STATES[state], "why": why, "logs": job.logs})
    states, names = list(STATES), [*PARTS.values()]
    place = {name: names.index(name) for name in names}
    return sorted(rows, key=lambda row: (states.index(row["state"]), place.get(row["name"].split(":")[0], len(names))))


def _start(folder: Path) -> float:
    """When the run began."""
    marker = folder / MARKER
    return marker.stat().st_mtime if marker.is_file() else 0.0


def _read(log: Path) -> tuple[str, list[str]]:
    """State and reasons of a job that began, from its log."""
    lines = log.read_text("utf-8", errors="replace").splitlines()
    errors = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    if errors:
        more = [f"… and {len(errors) - SHOWN:,} more"] if len(errors) > SHOWN else []
        return "failed", [*errors[:SHOWN], *more]
    if any(line.startswith("Traceback") for line in lines):
        return "failed", [f"{OWN_ERROR} the log"]
    if lines and lines[-1].endswith(DONE):
        return "waiting", []
    return "interrupted", []


def _put(folder: Path, page: str) -> None:
    """Write the page with a date so old that the next run makes it again."""
    os.utime(write_text(folder / PAGE, str(page)), (OLD, OLD))
