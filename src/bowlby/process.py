"""Which process works on a results folder, and whether it is still at work."""

from __future__ import annotations

import os
import socket
from pathlib import Path


def identity(pid: int | None = None) -> str:
    """Host, process number, and where the system tells them the process's time of start and space of numbers.

    A number is given to another process sooner or later; with the time of start it is not mistaken for the old one.
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
    """Ticks of the system's clock at which a process began; "-" where the system does not tell."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return "-"


def _space() -> str:
    """The space of process numbers, which containers have of their own; "-" where the system does not tell."""
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return "-"
