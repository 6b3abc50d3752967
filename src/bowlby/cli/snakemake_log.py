"""Snakemake's messages during a run: progress for the reader, and the reasons of a failure for the end."""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bowlby.errors import FULL_DISK, MAKE_ROOM, OWN_ERROR, RECOMPUTE, problem, readable

ERROR = re.compile(r"^\s*(error: .+)$")
FAILED = re.compile(r"^\s*Error in rule (\w+):")
LOG = re.compile(r"^\s*log: (\S+)")
MESSAGE = re.compile(r"^\s*message: (?!None$|For further error details)(.+)$")
LOCKED = re.compile(r"LockException|Directory cannot be locked")
NO_ROOM = re.compile(r"No space left on device|Disk quota exceeded")
STEPS = re.compile(r"^(\d+) of (\d+) steps")
STARTED = re.compile(r"^(?:local)?rule (\w+):")
JOBS = re.compile(r"^(\w+) +(\d+)$")
CORES = re.compile(r"^Provided cores: (\d+)")
FINISHED = re.compile(r"^Finished jobid: .*\(Rule: (\w+)\)")
COMPLETE = re.compile(r"^Complete log(?:\(s\))?: (.+)$")
NOTHING = "Nothing to be done"
# How Snakemake begins to explain why it stops: the reason is in the same line or in the lines below.
HEADING = re.compile(r"^(?:\S+: error|Error|\w*(?:Exception|Error)(?: in .+)?):\s*(.*)$")
ENDS = re.compile(r"^(?:\s*$|Removing output files|Shutting down|Exiting because|Complete log|Elapsed time|\S+:$)")
GENERAL = "At least one job did not complete successfully"
LAST = 12
TRACEBACK = "Traceback"
UNLOCK = (
    "error: another run uses this results folder, or was killed on another computer; "
    "wait until it ends; if no run is active: bowlby run CONFIG -- --unlock, then run again"
)


@dataclass
class SnakemakeLog:
    """Reads a run's messages line by line.

    Attributes
    ----------
    errors : list of str
        The jobs' own error lines, each once.
    reasons : list of str
        Reasons that Snakemake gives, each once.
    logs : dict of Path
        Log of each rule that failed.
    messages : dict of str
        Snakemake's message on each rule that failed, if it has one.
    steps : tuple of int
        Jobs done, and all jobs.
    ran : bool
        Whether results were computed or complete already.
    interrupted : bool
        Whether the user or the system ended the run.
    jobs : dict of int
        Number of jobs to be done, by rule.
    cores : int
    running : dict of float
        When each rule that is at work began, in seconds of :func:`time.monotonic`.
    announce : callable or None
        Makes the line that a run begins with, once its jobs are known.
    whole : str or None
        File with all of Snakemake's messages.
    last : deque of str
        The last lines read, for a failure that nothing else explains.
    """

    errors: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    logs: dict[str, Path] = field(default_factory=dict)
    messages: dict[str, str] = field(default_factory=dict)
    steps: tuple[int, int] = (0, 0)
    ran: bool = False
    interrupted: bool = False
    locked: bool = False
    full: bool = False
    jobs: dict[str, int] = field(default_factory=dict)
    cores: int = 1
    running: dict[str, float] = field(default_factory=dict)
    announce: Callable[[SnakemakeLog], str] | None = None
    whole: str | None = None
    last: deque[str] = field(default_factory=lambda: deque(maxlen=LAST))
    _rule: str | None = None
    _finished: str = ""
    _paragraph: list[str] | None = None

    def read(self, line: str) -> str | None:
        """Read one line; returns what to show of it during the run, if anything."""
        if line.strip():
            self.last.append(readable(line.rstrip()))
        self.locked |= bool(LOCKED.search(line))
        self.full |= bool(NO_ROOM.search(line))
        self._take_reason(line.rstrip())
        if (match := ERROR.match(line)) and match[1] not in self.errors:
            self.errors.append(match[1])
        elif match := FAILED.match(line):
            self._rule = match[1]
        elif self._rule and (match := MESSAGE.match(line)):
            self.messages[self._rule] = readable(match[1])
        elif self._rule and (match := LOG.match(line)):
            self.logs[self._rule] = Path(match[1])
            self._rule = None
        elif match := STEPS.match(line):
            self.steps, self.ran = (int(match[1]), int(match[2])), True
            self.running.pop(self._finished, None)
            name = "" if self._finished == "all" else f": {self._finished.replace('_', ' ')}"  # it only collects files
            return f"{self.steps[0]} of {self.steps[1]} jobs done{name}\n"
        elif match := FINISHED.match(line):
            self._finished = match[1]
        elif match := STARTED.match(line):
            self.running[match[1]] = time.monotonic()
        elif match := CORES.match(line):
            self.cores = int(match[1])
        elif (match := JOBS.match(line)) and not self.steps[1]:
            return self._count_jobs(match[1], int(match[2]))
        elif match := COMPLETE.match(line):
            self.whole = match[1].strip()
        elif line.startswith(NOTHING):
            self.ran = True
            return "all results are up to date\n"
        return None

    def _count_jobs(self, rule: str, n: int) -> str | None:
        """Note a line of the table of jobs; returns what to show at its end."""
        if rule != "total":
            self.jobs[rule] = n
            return None
        self.steps = (0, n)
        return self.announce(self) if self.announce else None

    def long_running(self, seconds: float) -> dict[str, float]:
        """Rules that have been at work longer than some seconds, and for how long."""
        now = time.monotonic()
        return {rule: now - begun for rule, begun in list(self.running.items()) if now - begun > seconds}

    def _take_reason(self, line: str) -> None:
        """Collect the paragraph in which Snakemake explains why it stops."""
        if FAILED.match(line):  # what follows are the job's files
            self._end_paragraph()
        elif match := HEADING.match(line):
            self._end_paragraph()
            self._paragraph = [match[1]] if match[1] else []
        elif self._paragraph is not None:
            if ENDS.match(line) or len(self._paragraph) == LAST:
                self._end_paragraph()
            else:
                self._paragraph.append(line.strip())

    def _end_paragraph(self) -> None:
        text = readable(" ".join(self._paragraph or []))
        self._paragraph = None
        if text and not text.startswith(GENERAL) and text not in self.reasons:
            self.reasons.append(text)

    def logs_to_read(self) -> list[str]:
        """Where to read more: the logs of the jobs that failed, and Snakemake's own."""
        lines = [f"log of {rule.replace('_', ' ')}: {log}" for rule, log in self.logs.items()]
        return lines + ([f"log of the whole run: {self.whole}"] if self.whole else [])

    def failure(self, logs: Path) -> list[str]:
        """Why the run stopped, one line for each reason.

        Parameters
        ----------
        logs : Path
            Where the run's logs are.
        """
        self._end_paragraph()
        if self.locked:
            return [*self.errors, UNLOCK]
        lines = list(self.errors)
        if self.full and not any(FULL_DISK in line for line in lines):
            lines.append(f"error: {problem(FULL_DISK, MAKE_ROOM)}")
        full = any(FULL_DISK in line for line in lines)
        lines += [line for rule, log in self.logs.items() if (line := self._reason(rule, log, full))]
        if lines:
            return lines
        if self.reasons:
            see = self.whole or logs
            return [f"error: {problem(f'Snakemake: {text}', f'correct this, or see {see}')}" for text in self.reasons]
        return [*self.last, f"error: the run stopped for the reason above; the logs of its jobs are in {logs}"]

    def removed(self, logs: Path) -> bool:
        """Whether unusable results, which have been removed, are all that stopped the run, so that it can go on."""
        lines = self.failure(logs)
        return bool(lines) and all(line.endswith(RECOMPUTE) for line in lines)

    def _reason(self, rule: str, log: Path, full: bool) -> str | None:
        """Why a job failed by its log; None if it has written error lines of its own."""
        text = log.read_text("utf-8", errors="replace") if log.is_file() else ""
        if any(line.startswith("error: ") for line in text.splitlines()):
            return None
        if TRACEBACK in text:
            return f"error: {rule}: {OWN_ERROR} {log}"
        if full:  # on a full disk a job ends without a message
            return None
        if reason := self.messages.get(rule) or next((k for k in self.reasons if rule in k), None):
            return f"error: {problem(f'{rule}: {reason}', f'see {log}')}"
        why = "it was killed, perhaps for lack of memory, or its files were removed"
        return f"error: {rule}: {why}; run again to continue where it stopped ({log})"
