"""The marks of a results folder: which run it belongs to, and whether that run is still at work or has finished."""

from __future__ import annotations

import hashlib
import os
import socket
from pathlib import Path

from bowlby.files import sweep

MARKER = ".bowlby"
PAGE, CHECKSUMS = "report.html", "checksums.txt"
UNFINISHED = b"data-unfinished"
"""Attribute by which the page of a run that has not finished is known."""
STARTED = "configuration: "
PROCESS = "process: "
PLACE = "working directory: "
LOCKS = Path(".snakemake/locks")
RECORDS = Path(".snakemake/metadata")
"""What Snakemake knows of the settings with which a file was made."""


def claim(folder: str | Path, digest: str = "") -> None:
    """Mark a results folder as ours, with the digest of the run and its process; remove files that killed jobs left."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    sweep(folder)
    text = "Written by bowlby. A folder without this file is not written to.\n"
    started = f"{STARTED}{digest}\n{PROCESS}{identity()}\n{PLACE}{_place()}\n" if digest else ""
    (folder / MARKER).write_text(text + started, encoding="utf-8")


def begun_with(folder: str | Path) -> str | None:
    """The :attr:`Plan.digest` that a run was started with; None where it is not known."""
    return _marked(folder, STARTED)


def begun_by(folder: str | Path) -> str | None:
    """The :func:`identity` of the process that a run was started by; None where it is not known."""
    return _marked(folder, PROCESS)


def is_unfinished(folder: str | Path) -> bool:
    """Whether the last run in a folder has not finished, so that its files may come from different runs.

    A run that was killed while it wrote its page has none, although the checksums of the earlier run list one.
    """
    page, listed = Path(folder) / PAGE, Path(folder) / CHECKSUMS
    if page.is_file():
        with page.open("rb") as file:
            return UNFINISHED in file.read(200)
    return listed.is_file() and f"  {PAGE}\n" in listed.read_text("utf-8")


def moved(folder: str | Path) -> bool:
    """Whether results were made in another working directory, so that Snakemake has no record of their settings."""
    made_in, known = _marked(folder, PLACE), RECORDS.is_dir() and any(RECORDS.iterdir())
    return (Path(folder) / MARKER).is_file() and (not known or made_in not in (None, _place()))


def _place() -> str:
    """A short hash of the working directory; its name may hold a person's."""
    return hashlib.sha256(os.fsencode(Path.cwd())).hexdigest()[:16]


def _marked(folder: str | Path, key: str) -> str | None:
    marker = Path(folder) / MARKER
    lines = marker.read_text("utf-8", errors="replace").splitlines() if marker.is_file() else []
    return next((line.removeprefix(key) for line in lines if line.startswith(key)), None)


def lift_lock(folder: Path) -> bool:
    """Remove the lock of a run on this machine that was killed; whether there was one.

    A lock that was set after the run which the folder's marker names had begun is another run's, and stays. So does one
    of a run on another machine, of which nothing can be known here.

    Parameters
    ----------
    folder : Path
        The run's results, as Snakemake names them.
    """
    owner = begun_by(folder)
    if owner is None or not ended(owner):
        return False
    begun = (folder / MARKER).stat().st_mtime
    stale = [lock for lock in LOCKS.glob("*.lock") if lock.stat().st_mtime <= begun and _concerns(lock, folder)]
    for lock in stale:
        lock.unlink(missing_ok=True)
    return bool(stale)


def _concerns(lock: Path, folder: Path) -> bool:
    """Whether a lock is on files of a results folder."""
    return f"\n{folder.as_posix()}/" in "\n" + lock.read_text("utf-8", errors="replace")


def identity(pid: int | None = None) -> str:
    """Host, process number and, where the system gives them, the process's start time and namespace.

    Process numbers are reused; the start time distinguishes a new process from the old one.
    """
    pid = os.getpid() if pid is None else pid
    return " ".join((socket.gethostname() or "-", str(pid), _started(pid), _space()))


def ended(known: str) -> bool | None:
    """Whether the process of an :func:`identity` has ended; None where this machine cannot know."""
    host, _, rest = known.partition(" ")
    parts = rest.split()
    if len(parts) != 3 or not parts[0].isdigit() or host != socket.gethostname() or parts[2] != _space():
        return None
    pid = int(parts[0])
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:  # somebody else's
        pass
    return _started(pid) != parts[1]


def _started(pid: int) -> str:
    """Start time of a process in clock ticks; "-" where the system does not give it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return "-"


def _space() -> str:
    """Namespace of process numbers (each container has its own); "-" where the system does not give it."""
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return "-"
