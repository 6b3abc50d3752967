"""What a stage needs of a machine, for clusters that ask: measured, and more at each attempt."""

from __future__ import annotations

import atexit
import ctypes
import gc
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

MEGABYTE = 1e6
COLLECT = 20_000, 20, 20
"""Number of new objects after which garbage is collected; Python's own 700 cost a twentieth of a job's time."""
MALLOC = {"mmap_max": (-4, 0), "trim_threshold": (-1, 2**31 - 1)}
"""Settings of the GNU C library, numbered as in ``malloc.h``, by which freed memory stays with the process. A stage of
a platform's study makes large tables again and again; requesting zeroed memory anew took a tenth of its time."""
SMALL = 5.0
"""Largest study, in MB of raw data as text, whose stages are made by few jobs: some 10,000 patients. A job costs its
start-up, and all models of such a study are fitted in a few of these."""
CELL = 2.5
"""Bytes of a cell of a questionnaire as text; a Parquet file is far smaller than what it becomes in memory."""


def use_memory_freely() -> None:
    """Collect garbage less often, not at all when the process ends, and keep freed memory, Arrow's too."""
    gc.set_threshold(*COLLECT)
    atexit.register(gc.freeze)  # a search of all modules for garbage took .3 s at the end of each job
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    if (arrow := sys.modules.get("pyarrow")) is not None:
        arrow.set_memory_pool(arrow.system_memory_pool())
    if hasattr(library := ctypes.CDLL(None), "gnu_get_libc_version"):
        for setting in MALLOC.values():
            library.mallopt(*setting)


@dataclass(frozen=True)
class Need:
    """Memory and time of a stage.

    Attributes
    ----------
    megabytes, minutes : float
        Of a study of some hundred patients, libraries included.
    megabytes_more, minutes_more : float
        For each MB of raw data as text.
    """

    megabytes: float
    megabytes_more: float
    minutes: float
    minutes_more: float


# Of small studies (first and third number), and of a platform's study for each MB beyond
# (benchmarks/platform/results.md): 1.5 times the memory that was measured or more, and five times the minutes or more,
# since a cluster's disks are slow.
NEEDS = {
    "ingest": Need(400, 28, 5, 0.02),
    "score": Need(600, 26, 5, 0.03),
    "design": Need(1000, 20, 5, 0.02),
    "fit": Need(500, 15, 5, 0.03),
    "robust": Need(500, 15, 15, 0.5),
    "estimate": Need(500, 10, 5, 0.05),
    "compare": Need(500, 1, 5, 0.01),
    "figures": Need(700, 14, 5, 0.03),
    "write": Need(400, 10, 5, 0.01),
}


def megabytes(raw: list[str], *stages: str) -> Callable:
    """Memory of a job as a function of the attempt (one that was killed asks for twice, then three times as much).

    Parameters
    ----------
    raw : list of str
        The study's raw files.
    *stages : str
        That the job makes, one after the other.

    Returns
    -------
    callable
        ``(wildcards, attempt) -> int``, as a workflow's ``resources:`` takes it.
    """
    needs = [NEEDS[stage] for stage in stages]
    return _by_attempt(max(need.megabytes + need.megabytes_more * size(raw) for need in needs))


def minutes(raw: list[str], *stages: str) -> Callable:
    """Time limit of a job as a function of the attempt; see :func:`megabytes`."""
    needs = [NEEDS[stage] for stage in stages]
    return _by_attempt(sum(need.minutes + need.minutes_more * size(raw) for need in needs))


def size(raw: list[str]) -> float:
    """Size of files in MB, of Parquet as it would be as text."""
    return sum(_bytes(Path(path)) for path in raw) / MEGABYTE


def _bytes(path: Path) -> float:
    if path.suffix.lower() != ".parquet":
        return path.stat().st_size
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        about = pq.read_metadata(path)
    except (OSError, pa.ArrowException):  # the ingest stage says what is wrong with it
        return path.stat().st_size
    return about.num_rows * about.num_columns * CELL


def _by_attempt(first: float) -> Callable:
    return lambda wildcards, attempt: round(first) * attempt
