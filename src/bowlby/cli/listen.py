"""What Snakemake says while it runs: passed on, with the reasons of a failure kept for the end."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

OURS = re.compile(r"^\s*(error: .+)$")
FAILED = re.compile(r"^\s*Error in rule (\w+):")
LOG = re.compile(r"^\s*log: (\S+)")
LOCKED = re.compile(r"LockException|Directory cannot be locked")
STEPS = re.compile(r"^(\d+) of (\d+) steps")
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
    """

    said: list[str] = field(default_factory=list)
    logs: dict[str, Path] = field(default_factory=dict)
    steps: tuple[int, int] = (0, 0)
    locked: bool = False
    _rule: str | None = None

    def hear(self, line: str) -> None:
        """Take in one line."""
        if (found := OURS.match(line)) and found.group(1) not in self.said:
            self.said.append(found.group(1))
        elif found := FAILED.match(line):
            self._rule = found.group(1)
        elif self._rule and (found := LOG.match(line)):
            self.logs[self._rule] = Path(found.group(1))
            self._rule = None
        elif found := STEPS.match(line):
            self.steps = int(found.group(1)), int(found.group(2))
        self.locked |= bool(LOCKED.search(line))

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
        return lines or [f"error: a job failed; see its log under {logs}"]


def _reason(rule: str, log: Path) -> str | None:
    """What the log of a failed job says; None where it has said it in lines of its own."""
    text = log.read_text("utf-8", errors="replace") if log.is_file() else ""
    if any(line.startswith("error: ") for line in text.splitlines()):
        return None
    if TRACEBACK in text:
        return f"error: {rule}: a fault of bowlby, not of your data; please report it with {log}"
    why = "it was killed, perhaps because it needed more memory than there is, or its files are gone"
    return f"error: {rule}: {why}; run again, and the run goes on where it stopped ({log})"
