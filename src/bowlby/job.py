"""What a workflow script needs: its plan, its log, and errors as lines. Does not import Snakemake."""

from __future__ import annotations

import errno
import logging
import os
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bowlby.errors import FULL_DISK, MAKE_ROOM, OWN_ERROR, Place, UserError, problem
from bowlby.files import Damaged
from bowlby.fingerprint import checksum
from bowlby.plan import Plan, plan
from bowlby.resources import use_memory_freely
from bowlby.run_marker import MARKER, begun_with, claim

KILOBYTES = 1024 if sys.platform != "darwin" else 2**20  # in which units the system counts memory, for MB
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextmanager
def job(snakemake) -> Iterator[logging.Logger]:
    """Run a job's work with its messages in its ``log:`` file.

    A :class:`UserError` becomes its lines in the log and exit status 1; any other exception keeps its traceback,
    in the log too.
    """
    use_memory_freely()
    path = Path(snakemake.log[0])
    path.parent.mkdir(parents=True, exist_ok=True)
    logger = logging.getLogger("bowlby")
    handler = logging.FileHandler(path, mode="w", encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    logging.captureWarnings(True)
    os.environ.setdefault("MPLBACKEND", "Agg")
    try:
        yield logger
        used, parts = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds = used.ru_utime + used.ru_stime + parts.ru_utime + parts.ru_stime
        megabytes = max(used.ru_maxrss, parts.ru_maxrss) / KILOBYTES
        logger.info("%.1f s of processor time, at most %.0f MB of memory", seconds, megabytes)
        logger.info("done")
    except Exception as error:
        lines = user_lines(error.removed() if isinstance(error, Damaged) else error)
        if lines is None:
            logger.exception(f"{OWN_ERROR} this log")
        else:
            handler.close()
            _write(lines, path)
        sys.exit(1)
    finally:
        root.removeHandler(handler)
        handler.close()


def user_lines(error: Exception) -> list[str] | None:
    """The lines for the reader where an error is no fault of the program: theirs, a full disk, want of memory."""
    if isinstance(error, UserError):
        return error.lines()
    if isinstance(error, OSError) and error.errno in FULL:
        what = f"{FULL_DISK}: {error.filename or 'a result'} could not be written"
        return [f"error: {problem(what, MAKE_ROOM)}"]
    if isinstance(error, MemoryError):
        do = "close other programs, or use a machine with more memory; a cluster tries once more with twice as much"
        return [f"error: {problem('not enough memory', do)}"]
    return None


def _write(lines: list[str], path: Path) -> None:
    """Write lines to the log; where even that has no room, to the screen."""
    try:
        with path.open("a", encoding="utf-8") as log:
            log.write("\n".join(lines) + "\n")
    except OSError:
        print(*lines, sep="\n", file=sys.stderr)


def planned(snakemake) -> Plan:
    """The run that a job belongs to.

    Raises
    ------
    UserError
        If the configuration is not the one that the run was started with: its results would mix the two.
    """
    run = plan(snakemake.params.config, begun=True)
    if not (run.folder / MARKER).is_file():  # nothing else marks it where the workflow is a module of another
        claim(run.folder)
    started = begun_with(run.folder)
    if started and started != run.digest:
        what = "the configuration was changed during the run"
        raise UserError(problem(what, "run again; whatever depends on it is recomputed", Place(run.loaded.path.name)))
    return run


def same_data(run: Plan, before: dict[str, str]) -> None:
    """Refuse to go on with raw files that are not those of the run's start.

    Parameters
    ----------
    run : Plan
    before : dict of str
        :meth:`Plan.checksums` at the start.

    Raises
    ------
    UserError
        One line for each file.
    """
    files = dict.fromkeys([*before, *run.raw])
    changed = [path for path in files if not Path(path).is_file() or checksum(path) != before.get(path)]
    if changed:
        do = "run again when no other program writes to it"
        raise UserError([problem("the file was changed or removed during the run", do, Place(Path(p).name))
                         for p in changed])  # fmt: skip
