"""Progress of a run: jobs done, and replicates with their rate and time left; as bars on a terminal."""

from __future__ import annotations

import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bowlby.cli.snakemake_log import SnakemakeLog

REPLICATES = re.compile(r"(\w+): ([\d,]+) of ([\d,]+), ([\d.,]+) a second, ([\d.,]+) s left")
EVERY = 0.5
LONG = 60.0
"""Seconds after which a job is named, and between two lines on it, where there are no bars."""


@contextmanager
def progress_bars(log: SnakemakeLog, folder: Path) -> Iterator[Callable[[str], None]]:
    """A function that shows the lines of a run; bars follow below them on a terminal, lines on long jobs elsewhere.

    Parameters
    ----------
    log : SnakemakeLog
        Reads the same lines.
    folder : Path
        The run's results, whose logs hold the progress of replicates.
    """
    if not sys.stderr.isatty():
        began = time.time()
        with _repeated(LONG, lambda: sys.stderr.writelines(long_jobs(log, folder, began))):
            yield lambda line: sys.stderr.writelines([line])
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    console = Console(stderr=True, highlight=False)
    columns = TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[said]}")
    with Progress(*columns, console=console, transient=True) as bars:
        with _repeated(EVERY, ProgressBars(bars, log, folder).update):
            yield lambda line: console.print(line, end="", markup=False, emoji=False, soft_wrap=True)


@contextmanager
def _repeated(seconds: float, work: Callable[[], None]) -> Iterator[None]:
    """Do some work every few seconds until the block ends."""
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(seconds):
            work()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()


def long_jobs(log: SnakemakeLog, folder: Path, since: float) -> list[str]:
    """A line for each job that has been running for a minute or longer, with its replicates if it has any."""
    lines = []
    for rule, seconds in log.long_running(LONG).items():
        done = replicates(folder, since, rule.partition("_")[2])
        of = [f"{at:,} of {n:,} replicates, {left} s left" for at, n, _, left in done.values() if at < n]
        progress = f" ({'; '.join(of)})" if of else ""
        lines.append(f"running for {seconds / 60:.0f} min: {rule.replace('_', ' ')}{progress}\n")
    return lines


class ProgressBars:
    """The bars of one run."""

    def __init__(self, bars, log: SnakemakeLog, folder: Path):
        self.bars, self.log, self.folder = bars, log, folder
        self.began = time.time()
        self.jobs = bars.add_task("jobs", total=None, said="")
        self.kinds: dict[str, int] = {}

    def update(self) -> None:
        """Show the present state of jobs and replicates."""
        done, total = self.log.steps
        self.bars.update(self.jobs, completed=done, total=total or None, said=f"{done} of {total}" if total else "")
        for name, (at, of, rate, left) in replicates(self.folder, self.began).items():
            if name not in self.kinds:
                self.kinds[name] = self.bars.add_task(name, total=of, said="")
            said = f"{at:,} of {of:,}, {rate} a second, {left} s left" if at < of else f"{of:,}, done"
            self.bars.update(self.kinds[name], completed=at, said=said)


def replicates(folder: Path, since: float, job: str = "*") -> dict[str, tuple[int, int, str, str]]:
    """Progress of each batch of replicates that has written to its log.

    Parameters
    ----------
    folder : Path
        The run's results.
    since : float
        Time from which logs are of this run.
    job : str
        Name of the job, to which its shards belong; all by default.

    Returns
    -------
    dict of tuple
        By kind and shard: replicates done, all replicates, rate per second and seconds left as written there.
    """
    out, logs = {}, folder / "logs/robustness"
    for log in sorted({*logs.glob(f"{job}.log"), *logs.glob(f"{job}-*.log")}):
        if log.stat().st_mtime < since:
            continue
        shard = "".join(log.stem.partition("-")[1:])
        for kind, at, of, rate, left in REPLICATES.findall(log.read_text("utf-8", errors="replace")):
            out[kind + shard] = int(at.replace(",", "")), int(of.replace(",", "")), rate, left
    return out
