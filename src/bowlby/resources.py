"""What a stage needs of a machine, for clusters that ask: measured, and more at each attempt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

MEGABYTE = 1e6


@dataclass(frozen=True)
class Need:
    """Memory and time of a stage.

    Attributes
    ----------
    megabytes, minutes : float
        Of a study of some hundred patients, libraries included.
    megabytes_more, minutes_more : float
        For each MB of raw Parquet (other formats hold less in a MB, so for them this is generous).
    """

    megabytes: float
    megabytes_more: float
    minutes: float
    minutes_more: float


# Twice what was measured (benchmarks/platform): the example for the first number, a tenth of a platform for the second.
NEEDS = {
    "ingest": Need(400, 30, 5, 0.05),
    "score": Need(600, 30, 5, 0.05),
    "design": Need(500, 30, 5, 0.05),
    "fit": Need(500, 30, 5, 0.05),
    "robust": Need(500, 10, 15, 0.5),
    "estimate": Need(500, 30, 5, 0.05),
    "compare": Need(500, 1, 5, 0.01),
    "figures": Need(700, 30, 5, 0.05),
    "write": Need(400, 5, 5, 0.01),
}


def megabytes(raw: list[str], stage: str) -> Callable:
    """Memory of a stage as a function of the attempt (a job that was killed asks for twice, then three times as much).

    Parameters
    ----------
    raw : list of str
        The study's raw files.
    stage : str

    Returns
    -------
    callable
        ``(wildcards, attempt) -> int``, as a workflow's ``resources:`` takes it.
    """
    need = NEEDS[stage]
    return _by_attempt(need.megabytes + need.megabytes_more * size(raw))


def minutes(raw: list[str], stage: str) -> Callable:
    """Time limit of a stage as a function of the attempt; see :func:`megabytes`."""
    need = NEEDS[stage]
    return _by_attempt(need.minutes + need.minutes_more * size(raw))


def size(raw: list[str]) -> float:
    """Size of files in MB."""
    return sum(Path(path).stat().st_size for path in raw) / MEGABYTE


def _by_attempt(first: float) -> Callable:
    return lambda wildcards, attempt: round(first) * attempt
