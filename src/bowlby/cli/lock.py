"""The lock that a killed run leaves on its results."""

from __future__ import annotations

from pathlib import Path

from bowlby.plan import MARKER, begun_by
from bowlby.process import ended

LOCKS = Path(".snakemake/locks")


def lift(folder: Path) -> bool:
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
