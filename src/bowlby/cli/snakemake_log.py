"""What Snakemake says while it runs: what a reader needs of it, with the reasons of a failure kept for the end."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

from bowlby.errors import problem, readable
from bowlby.files import ANEW
from bowlby.job import FULL_DISK

OURS = re.compile(r"^\s*(error: .+)$")
FAILED = re.compile(r"^\s*Error in rule (\w+):")
LOG = re.compile(r"^\s*log: (\S+)")
MESSAGE = re.compile(r"^\s*message: (?!None$|For further error details)(.+)$")
LOCKED = re.compile(r"LockException|Directory cannot be locked")
NO_ROOM = re.compile(r"No space left on device|Disk quota exceeded")
STEPS = re.compile(r"^(\d+) of (\d+) steps")
FINISHED = re.compile(r"^Finished jobid: .*\(Rule: (\w+)\)")
COMPLETE = re.compile(r"^Complete log(?:\(s\))?: (.+)$")
NOTHING = "Nothing to be done"
# How Snakemake begins to say why it stops: with the reason in the same line, or in the lines below.
HEADING = re.compile(r"^(?:\S+: error|Error|\w*(?:Exception|Error)(?: in .+)?):\s*(.*)$")
ENDS = re.compile(r"^(?:\s*$|Removing output files|Shutting down|Exiting because|Complete log|Elapsed time|\S+:$)")
GENERAL = "At least one job did not complete successfully"
LAST = 12
TRACEBACK = "Traceback"
UNLOCK = (
    "error: another run works on these results, or was killed on another computer before it could say that it ended; "
    "wait for it, or if none is at work: bowlby run CONFIG -- --unlock, then run again"
)


@dataclass
class Listener:
    """Hears a run's lines.

    Attributes
    ----------
    said : list of str
        Our own lines, each once.
    known : list of str
        Reasons that Snakemake gives, each once.
    logs : dict of Path
        Log of each rule that failed.
    messages : dict of str
        What Snakemake says of a rule that failed, where it says anything.
    steps : tuple of int
        Jobs done, and jobs in all.
    ran : bool
        Whether results were made, or were all there.
    interrupted : bool
        Whether the user or the system ended the run.
    whole : str or None
        File with all that Snakemake said.
    last : deque of str
        The last lines heard, for a failure that nothing else explains.
    """

    said: list[str] = field(default_factory=list)
    known: list[str] = field(default_factory=list)
    logs: dict[str, Path] = field(default_factory=dict)
    messages: dict[str, str] = field(default_factory=dict)
    steps: tuple[int, int] = (0, 0)
    ran: bool = False
    interrupted: bool = False
    locked: bool = False
    full: bool = False
    whole: str | None = None
    last: deque[str] = field(default_factory=lambda: deque(maxlen=LAST))
    _rule: str | None = None
    _finished: str = ""
    _paragraph: list[str] | None = None

    def hear(self, line: str) -> str | None:
        """Take in one line; returns what of it is worth showing while the run goes on."""
        if line.strip():
            self.last.append(readable(line.rstrip()))
        self.locked |= bool(LOCKED.search(line))
        self.full |= bool(NO_ROOM.search(line))
        self._take_reason(line.rstrip())
        if (found := OURS.match(line)) and found.group(1) not in self.said:
            self.said.append(found.group(1))
        elif found := FAILED.match(line):
            self._rule = found.group(1)
        elif self._rule and (found := MESSAGE.match(line)):
            self.messages[self._rule] = readable(found.group(1))
        elif self._rule and (found := LOG.match(line)):
            self.logs[self._rule] = Path(found.group(1))
            self._rule = None
        elif found := STEPS.match(line):
            self.steps, self.ran = (int(found.group(1)), int(found.group(2))), True
            return f"{self.steps[0]} of {self.steps[1]} jobs done: {self._finished}\n"
        elif found := FINISHED.match(line):
            self._finished = found.group(1).replace("_", " ")
        elif found := COMPLETE.match(line):
            self.whole = found.group(1).strip()
        elif line.startswith(NOTHING):
            self.ran = True
            return "everything is there already and up to date\n"
        return None

    def _take_reason(self, line: str) -> None:
        """Collect the paragraph in which Snakemake says why it stops."""
        if found := HEADING.match(line):
            self._end_paragraph()
            self._paragraph = [found.group(1)] if found.group(1) else []
        elif self._paragraph is not None:
            if ENDS.match(line) or len(self._paragraph) == LAST:
                self._end_paragraph()
            else:
                self._paragraph.append(line.strip())

    def _end_paragraph(self) -> None:
        text = readable(" ".join(self._paragraph or []))
        self._paragraph = None
        if text and not text.startswith(GENERAL) and text not in self.known:
            self.known.append(text)

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
        self._end_paragraph()
        if self.locked:
            return [*self.said, UNLOCK]
        lines = list(self.said)
        if self.full and not any(FULL_DISK in line for line in lines):
            lines.append(f"error: {problem(FULL_DISK, 'make room and run again; what was finished before stands')}")
        full = any(FULL_DISK in line for line in lines)
        lines += [line for rule, log in self.logs.items() if (line := self._reason(rule, log, full))]
        if lines:
            return lines
        if self.known:
            see = self.whole or logs
            return [f"error: {problem(f'Snakemake: {text}', f'correct that, or see {see}')}" for text in self.known]
        return [*self.last, f"error: the run cannot go on, for the reason above; job logs are under {logs}"]

    def mended(self, logs: Path) -> bool:
        """Whether all that stopped the run were results that were found unusable, and are removed: it can go on."""
        lines = self.reasons(logs)
        return bool(lines) and all(line.endswith(ANEW) for line in lines)

    def _reason(self, rule: str, log: Path, full: bool) -> str | None:
        """What the log of a failed job says; None where it has said it in lines of its own."""
        text = log.read_text("utf-8", errors="replace") if log.is_file() else ""
        if any(line.startswith("error: ") for line in text.splitlines()):
            return None
        if TRACEBACK in text:
            return f"error: {rule}: a fault of bowlby, not of your data; please report it with {log}"
        if full:  # where there is no room, a job ends without a word
            return None
        if known := self.messages.get(rule) or next((k for k in self.known if rule in k), None):
            return f"error: {problem(f'{rule}: {known}', f'see {log}')}"
        why = "it was killed, perhaps because it needed more memory than there is, or its files are gone"
        return f"error: {rule}: {why}; run again, and the run goes on where it stopped ({log})"
