"""Tables of replicates: one row each, in the order of their numbers, with what became of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from bowlby.errors import Place, UserError, problem
from bowlby.files import ANEW
from bowlby.robust.address import Address

OK, SINGULAR, FAILED = "ok", "singular", "failed"
HEAD = ["replicate", "seed_address", "status"]
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
    head = {
        "replicate": np.array([a.number for a in addresses], dtype=np.int64),
        "seed_address": [str(a) for a in addresses],
        "status": np.asarray(status, dtype=object),
    }
    return pd.DataFrame(head | columns).sort_values("replicate", kind="stable", ignore_index=True)


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
        Replicates asked for.
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
        found, wrong = _read(path, seed, kind)
        if wrong:
            path.unlink(missing_ok=True)
            problems.append(problem(wrong, f"it was removed; {ANEW}", Place(path.name)))
        else:
            tables.append(found)
    if problems:
        raise UserError(problems)
    if len(marks := {t.attrs.get("inputs") for t in tables}) > 1:
        for path in paths:
            path.unlink(missing_ok=True)
        raise UserError(
            problem(
                f"the shards of {kind} were made from {len(marks)} different inputs",
                f"they were removed; {ANEW}",
            )
        )
    whole = stacked(tables).sort_values("replicate", kind="stable", ignore_index=True)
    if whole["replicate"].tolist() != list(range(len(whole) if fewer else count)):
        for path in paths:
            path.unlink(missing_ok=True)
        raise UserError(
            problem(
                f"the shards of {kind} hold {whole['replicate'].nunique()} of {count} replicates",
                f"they were removed; {ANEW}",
            )
        )
    whole.attrs = dict(tables[0].attrs)
    return whole


def _read(path: Path, seed: int, kind: str) -> tuple[pd.DataFrame | None, str | None]:
    """A shard, or what is wrong with it."""
    try:
        found = pd.read_parquet(path)
    except (OSError, ValueError) as error:  # pyarrow's errors are ValueErrors
        return None, f"the shard cannot be read ({type(error).__name__})"
    if not set(HEAD) <= set(found.columns):
        return None, "the shard lacks its addresses"
    expected = [str(Address(seed, kind, number)) for number in found["replicate"]]
    if found["seed_address"].tolist() != expected:
        return None, "the shard comes from another seed"
    return found, None
