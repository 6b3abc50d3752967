"""Snakemake in a process of its own, which has the modules of this one, so that nothing is imported twice."""

from __future__ import annotations

import os
import signal
import sys
import traceback


def start(arguments: list[str], messages: int) -> int:
    """Start Snakemake.

    It is in a session of its own, so that it gets Ctrl-C only from its parent, once, with all its jobs.

    Parameters
    ----------
    arguments : list of str
        Those of Snakemake's command line.
    messages : int
        File descriptor that takes what it writes to standard error.

    Returns
    -------
    int
        Number of the process.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    process = os.fork()
    if not process:
        os._exit(_snakemake(arguments, messages))
    return process


def _snakemake(arguments: list[str], messages: int) -> int:
    """Be Snakemake; its exit status."""
    status = 1
    try:
        os.setsid()
        os.dup2(messages, 2)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
        if sys.platform == "darwin":  # where a copy of a process may not use the system's libraries
            os.execv(sys.executable, [sys.executable, "-m", "snakemake", *arguments])
        sys.stderr = os.fdopen(2, "w", buffering=1, errors="backslashreplace", closefd=False)
        from snakemake.cli import main

        main(arguments)
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except KeyboardInterrupt:
        status = 128 + signal.SIGINT
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return status
