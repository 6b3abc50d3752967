"""The robustness stage: one kind, or one shard of it, from the analysis sets to its file."""

from __future__ import annotations

import hashlib
import logging
import time
from pathlib import Path

import pandas as pd

from bowlby.errors import Place, UserError, problem
from bowlby.files import read_json, write_parquet
from bowlby.fingerprint import checksum
from bowlby.robust.claims import Basis, Rows
from bowlby.robust.kinds import Work, works
from bowlby.robust.table import gather

SETS = ("primary", "perceived")
STEP = 250
log = logging.getLogger("bowlby")


def robust(run, folder: Path, work: Work, path: Path, shard: int = 0) -> None:
    """Compute one shard of one kind of robustness and write it.

    Parameters
    ----------
    run : Run
    folder : Path
        The run's results.
    work : Work
    path : Path
        Where to write.
    shard : int
        From 0.
    """
    basis = read_basis(run, folder)
    table = _replicates(basis, work, shard) if work.replicates else _whole(basis, work.kind)
    counts = table["status"].value_counts()
    log.info("%s: %s", work.kind, ", ".join(f"{n} {status}" for status, n in sorted(counts.items())))
    table.attrs["inputs"] = mark(run, folder)
    write_parquet(path, table)


def gathered(run, folder: Path, work: Work, shards: list[Path], path: Path) -> None:
    """Put the shards of one kind together and write it."""
    table = gather(shards, run.seed, work.kind, work.replicates)
    if table.attrs["inputs"] != mark(run, folder):
        for shard in shards:
            shard.unlink(missing_ok=True)
        raise UserError(
            problem(
                f"the shards of {work.kind} were made from other data or another configuration",
                "they were removed; run again, and they will be made anew",
            )
        )
    write_parquet(path, table)


def _whole(basis: Basis, kind: str) -> pd.DataFrame:
    from bowlby.robust.influence import influence
    from bowlby.robust.sandwich import sandwich

    return {"influence": influence, "sandwich": sandwich}[kind](basis)


def _replicates(basis: Basis, work: Work, shard: int) -> pd.DataFrame:
    """A shard's replicates, with a line in the log now and then."""
    from bowlby.robust.cluster import cluster
    from bowlby.robust.parametric import parametric
    from bowlby.robust.permutation import permutation
    from bowlby.robust.wild import wild

    make = {"parametric": parametric, "cluster": cluster, "permutation": permutation, "wild": wild}[work.kind]
    first, last = work.bounds(shard)
    parts, began = [], time.perf_counter()
    for at in range(first, last, STEP):
        parts.append(make(basis, at, min(at + STEP, last)))
        done = min(at + STEP, last) - first
        rate = done / (time.perf_counter() - began)
        log.info("%s: %d of %d, %.0f a second, %.0f s left", work.kind, done, last - first, rate,
                 (last - first - done) / rate)  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def read_basis(run, folder: Path) -> Basis:
    """The analysis sets and what else robustness starts from."""
    sets = {}
    for name in SETS:
        stem = folder / "analysis" / name
        data, membership = (pd.read_parquet(stem.with_suffix(f".{s}")) for s in ("parquet", "membership.parquet"))
        sets[name] = Rows(data, membership, read_json(stem.with_suffix(".design.json")))
    strata = _strata(run, folder, sets["primary"])
    return Basis(sets["primary"], sets["perceived"], run.comparison.delta, run.seed, strata)


def _strata(run, folder: Path, rows: Rows) -> pd.Series:
    """Stratum of every therapist: what most of their patients have."""
    therapists = sorted(rows.membership["therapist"].unique())
    names = run.robustness.strata if run.robustness else []
    if not names:
        return pd.Series("all", index=therapists)
    people = pd.read_parquet(folder / "people/patients.parquet").set_index("patient")
    unknown = [name for name in names if name not in people]
    if unknown:
        raise UserError(
            problem(
                f"robustness.strata: patients have no {', '.join(unknown)}",
                f"choose from {', '.join(people.columns)}",
                Place("config"),
            )
        )
    found = people[names].astype(str).agg(" / ".join, axis=1)
    seen = rows.membership["patient"].map(found)
    usual = seen.groupby(rows.membership["therapist"]).agg(lambda values: values.mode().iloc[0])
    return usual.reindex(therapists)


def doubts(run, folder: Path, fits: dict[str, dict], claims: dict[str, dict]) -> dict:
    """Weigh the claims by what the replicates say, and summarise the replicates (``robustness.json``)."""
    from bowlby.robust.fragile import weigh
    from bowlby.robust.summary import read_tables, summarise

    tables = read_tables(folder, list(works(run.robustness)), mark(run, folder))
    effects = {c["name"]: c for model in ("primary", "c4", "c5") if model in fits for c in fits[model]["contrasts"]}
    weigh(claims, tables, effects, run.comparison.delta)
    return summarise(tables, effects)


def mark(run, folder: Path) -> str:
    """What replicates are made from: the analysis sets and the settings that enter them."""
    digest = hashlib.sha256(f"{run.seed} {run.comparison.delta} {run.robustness.strata}".encode())
    for name in SETS:
        for suffix in ("parquet", "membership.parquet", "design.json"):
            digest.update(checksum((folder / "analysis" / name).with_suffix(f".{suffix}")).encode())
    return digest.hexdigest()[:16]
