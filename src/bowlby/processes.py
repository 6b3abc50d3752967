"""Independent pieces of work side by side."""

from __future__ import annotations

import ctypes
import gc
import multiprocessing
import signal
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from bowlby.errors import UserError, problem

KILLED = "a process of this job was killed, perhaps for lack of memory"
DEATH_SIGNAL = 1
"""``PR_SET_PDEATHSIG`` of Linux's ``prctl``."""


def side_by_side(work: Callable, *arguments: Sequence, processes: int = 1) -> list:
    """Results of a function of each first argument, each second and so on, in their order.

    Parameters
    ----------
    work : callable
        Of a module, so that another process finds it.
    *arguments : sequence
        All of one length; the longest work is best put first.
    processes : int
        Linux only; elsewhere 1, because forking a process with windows is unsafe.

    Raises
    ------
    UserError
        If one of the processes was killed.
    """
    processes = min(processes, len(arguments[0]))
    if processes <= 1 or sys.platform != "linux":
        return [work(*given) for given in zip(*arguments, strict=True)]
    gc.freeze()  # what was made so far is not searched, and so not copied, in each process
    try:
        with ProcessPoolExecutor(processes, multiprocessing.get_context("fork"), _end_with_parent) as pool:
            return list(pool.map(work, *arguments))
    except BrokenProcessPool as error:
        do = "run again; if it happens again, close other programs, or use a machine with more memory"
        raise UserError(problem(KILLED, do)) from error


def _end_with_parent() -> None:
    """Let the system kill this process when the one that started it is killed: it would go on writing results."""
    ctypes.CDLL(None).prctl(DEATH_SIGNAL, signal.SIGKILL)
