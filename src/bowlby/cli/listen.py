"""What Snakemake says while it runs: what a reader needs of it, with the reasons of a failure kept for the end."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

OURS = re.compile(r"^\s*(error: .+)$")
FAILED = re.compile(r"^\s*Error in rule (\w+):")
LOG = re.compile(r"^\s*log: (\S+)")
LOCKED = re.compile(r"LockException|Directory cannot be locked")
STEPS = re.compile(r"^(\d+) of (\d+) steps")
FINISHED = re.compile(r"^Finished jobid: .*\(Rule: (\w+)\)")
COMPLETE = re.compile(r"^Complete log(?:\(s\))?: (.+)$")
NOTHING = "Nothing to be done"
LAST = 12
TRACEBACK = "Traceback"
UNLOCK = (
    "error: another run works on these results, or was killed before it could say that it ended; wait for it, or if "
    "none is at work: bowlby run CONFIG -- --unlock, then run again"
)


@dataclass
class Listener:
    """Hears a run's lines.

    Attributes
    ----------
    said : list of str
        Our own lines, each once.
    logs : dict of Path
        Log of each rule that failed.
    steps : tuple of int
        Jobs done, and jobs in all.
    whole : str or None
        File with all that Snakemake said.
    last : deque of str
        The last lines heard, for a failure that nothing else explains.
    """

    said: list[str] = field(default_factory=list)
    logs: dict[str, Path] = field(default_factory=dict)
    steps: tuple[int, int] = (0, 0)
    locked: bool = False
    whole: str | None = None
    last: deque[str] = field(default_factory=lambda: deque(maxlen=LAST))
    _rule: str | None = None
    _finished: str = ""

    def hear(self, line: str) -> str | None:
        """Take in one line; returns what of it is worth showing while the run goes on."""
        if line.strip():
            self.last.append(line.rstrip())
        if (found := OURS.match(line)) and found.group(1) not in self.said:
            self.said.append(found.group(1))
        elif found := FAILED.match(line):
            self._rule = found.group(1)
        elif self._rule and (found := LOG.match(line)):
            self.logs[self._rule] = Path(found.group(1))
            self._rule = None
        elif found := STEPS.match(line):
            self.steps = int(found.group(1)), int(found.group(2))
            return f"{self.steps[0]} of {self.steps[1]} jobs done: {self._finished}\n"
        elif found := FINISHED.match(line):
            self._finished = found.group(1).replace("_", " ")
        elif found := COMPLETE.match(line):
            self.whole = found.group(1).strip()
        elif line.startswith(NOTHING):
            return "everything is there already and up to date\n"
        self.locked |= bool(LOCKED.search(line))
        return None

    def places(self) -> list[str]:
        """Where the whole story is: the logs of the jobs that failed, and Snakemake's own."""
        lines = [f"log of {rule.replace('_', ' ')}: {log}" for rule, log in self.logs.items()]
        return lines + ([f"log of the whole run: {self.whole}"] if self.whole else [])

    def reasons(self, logs: Path) -> list[str]:
        """Why the run stopped, one line for each reason.

        Parameters
        ----------
        logs : Path
            Where the run's logs are.
        """
        lines = [*self.said, *(line for rule, log in self.logs.items() if (line := _reason(rule, log)))]
        if self.locked:
            lines.append(UNLOCK)
        return lines or [*self.last, f"error: the run cannot go on, for the reason above; job logs are under {logs}"]


def _reason(rule: str, log: Path) -> str | None:
    """What the log of a failed job says; None where it has said it in lines of its own."""
    text = log.read_text("utf-8", errors="replace") if log.is_file() else ""
    if any(line.startswith("error: ") for line in text.splitlines()):
        return None
    if TRACEBACK in text:
        return f"error: {rule}: a fault of bowlby, not of your data; please report it with {log}"
    why = "it was killed, perhaps because it needed more memory than there is, or its files are gone"
    return f"error: {rule}: {why}; run again, and the run goes on where it stopped ({log})"
