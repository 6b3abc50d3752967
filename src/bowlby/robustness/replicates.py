"""Replicates: where their random numbers come from, their tables, and how shards are put together."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bowlby.errors import RECOMPUTE, Place, UserError, problem


@dataclass(frozen=True)
class Address:
    """Where a replicate's random numbers come from.

    Attributes
    ----------
    seed : int
        The run's seed.
    kind : str
        What is drawn, such as ``parametric``.
    number : int
        The replicate.
    """

    seed: int
    kind: str
    number: int

    def __str__(self) -> str:
        return f"{self.seed}/{self.kind}/{self.number}"

    def sequence(self, *parts: int) -> np.random.SeedSequence:
        """Seed of the replicate, or of one of its parts."""
        return np.random.SeedSequence((self.seed, zlib.crc32(self.kind.encode())), spawn_key=(self.number, *parts))

    def generator(self, *parts: int) -> np.random.Generator:
        """Generator on :meth:`sequence`."""
        return np.random.default_rng(self.sequence(*parts))


OK, SINGULAR, FAILED = "ok", "singular", "failed"
HEAD = ["replicate", "seed_address", "status"]
STUDY_FIRST = ("permutation", "wild", "assumptions", "multiverse", "multiverse_null")
"""Kinds whose replicate 0 is the study."""
WHOLE = ("influence", "sandwich", "multiverse")
"""Kinds of which one row says something."""
AT_ONCE = 50_000_000
"""Values of outcomes that are drawn at once."""


def batch(rows: int, most: int) -> int:
    """Replicates drawn at once: `most`, and fewer of a study whose outcomes would fill the memory."""
    return max(1, min(most, AT_ONCE // max(rows, 1)))


def statuses(converged: np.ndarray, singular: np.ndarray) -> np.ndarray:
    """``ok``, ``singular`` (a variance of 0; counted like any other) or ``failed`` (no number) for each replicate."""
    return np.where(~converged, FAILED, np.where(singular, SINGULAR, OK))


def table(addresses: list[Address], status, columns: dict) -> pd.DataFrame:
    """Replicates with the columns that every kind of robustness has.

    Parameters
    ----------
    addresses : list of Address
    status : sequence of str
        ``ok``, ``singular`` or ``failed``.
    columns : dict of ndarray, shape (n,)
        Estimates and what belongs to them; of a failed replicate they are missing.

    Returns
    -------
    DataFrame
        Sorted by replicate.
    """
    head: dict[str, Any] = {
        "replicate": np.array([a.number for a in addresses], dtype=np.int64),
        "seed_address": [str(a) for a in addresses],
        "status": np.asarray(status, dtype=object),
    }
    for name in [c for c in columns if c.endswith("_se")]:  # an estimate whose error is unknown says nothing
        head["status"] = np.where(np.isfinite(np.asarray(columns[name], float)), head["status"], FAILED)
    return pd.DataFrame(head | columns).sort_values("replicate", kind="stable", ignore_index=True)


def reason(error: Exception) -> str:
    """Why something could not be fitted, as one line for the reader."""
    return "; ".join(error.problems) if isinstance(error, UserError) else "the estimates cannot be told apart"


def not_computed(addresses: list[Address], reason: str) -> pd.DataFrame:
    """Replicates of a kind that cannot be computed, all ``failed``, with the reason in ``attrs["not_computed"]``."""
    rows = table(addresses, [FAILED] * len(addresses), {})
    rows.attrs["not_computed"] = reason
    return rows


def absent(kind: str, table: pd.DataFrame) -> str | None:
    """Why one kind of robustness gives no answer; None where it gives one.

    Draws can only be read where half of them were fitted, and at least two: the others would not be like them. Those
    among which the study stands are read where it was fitted itself.
    """
    fitted = table["status"] != FAILED
    if not fitted.any() and "not_computed" in table.attrs:
        return table.attrs["not_computed"]
    if kind in STUDY_FIRST and not fitted.iloc[0]:
        return "the study itself could not be fitted so"
    if fitted.sum() < (1 if kind in WHOLE else max(2, len(table) / 2)):
        return f"{len(table) - int(fitted.sum()):,} of {len(table):,} refits gave no estimate"
    return None


def stacked(parts: list[pd.DataFrame]) -> pd.DataFrame:
    """Tables one under the other; those without a row say nothing about the columns."""
    return pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)


def gather(paths: list[Path], seed: int, kind: str, count: int, fewer: bool = False) -> pd.DataFrame:
    """Put the shards of one kind of robustness together.

    Parameters
    ----------
    paths : list of Path
    seed : int
    kind : str
    count : int
        Requested replicates.
    fewer : bool
        Whether there may be fewer (the multiverse of a study that admits fewer specifications).

    Returns
    -------
    DataFrame
        The same whatever the number of shards.

    Raises
    ------
    UserError
        If a shard cannot be read, was made for other data, another seed or another configuration, or replicates are
        missing. Shards that are at fault are removed, so that the next run makes them anew.
    """
    tables, problems = [], []
    for path in paths:
        shard = _read(path, seed, kind)
        if isinstance(shard, str):
            path.unlink(missing_ok=True)
            problems.append(problem(shard, f"it was removed; {RECOMPUTE}", Place(path.name)))
        else:
            tables.append(shard)
    if problems:
        raise UserError(problems)
    if len(marks := {t.attrs.get("inputs") for t in tables}) > 1:
        raise removed(paths, f"the shards of {kind} were made from {len(marks)} different inputs")
    whole = stacked(tables).sort_values("replicate", kind="stable", ignore_index=True)
    if whole["replicate"].tolist() != list(range(len(whole) if fewer else count)):
        raise removed(paths, f"the shards of {kind} hold {whole['replicate'].nunique()} of {count} replicates")
    whole.attrs = dict(tables[0].attrs)
    return whole


def removed(paths: list[Path], why: str) -> UserError:
    """The error of shards that cannot be used, which are removed, so that the next run computes them again."""
    for path in paths:
        path.unlink(missing_ok=True)
    return UserError(problem(why, f"they were removed; {RECOMPUTE}"))


def _read(path: Path, seed: int, kind: str) -> pd.DataFrame | str:
    """A shard, or what is wrong with it."""
    try:
        rows = pd.read_parquet(path)
    except (OSError, ValueError) as error:  # pyarrow's errors are ValueErrors
        return f"the shard cannot be read ({type(error).__name__})"
    if not set(HEAD) <= set(rows.columns):
        return "the shard lacks its addresses"
    expected = [str(Address(seed, kind, number)) for number in rows["replicate"]]
    if rows["seed_address"].tolist() != expected:
        return "the shard comes from another seed"
    return rows


def share_as_large(values: np.ndarray) -> float:
    """Share of the values at least as large as the first, which is the study's; a p value."""
    return float((values >= values[0] * (1 - 1e-9)).mean())
