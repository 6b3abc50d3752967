"""The robustness stage: one kind, or one shard of it, from the analysis sets to its file."""

from __future__ import annotations

import logging
import time
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from bowlby.errors import UserError, existing
from bowlby.files import Damaged, read_parquet, read_set, write_parquet
from bowlby.instruments.cells import CELL
from bowlby.robustness.jobs import PEOPLE, SETS, UNIVERSE, Work, instruments, works
from bowlby.robustness.provenance import input_hash
from bowlby.robustness.refit_claims import Basis, Rows
from bowlby.robustness.replicates import Address, gather, not_computed, reason, removed, stacked

STEPS = {"multiverse": 32, "multiverse_null": 1000, "imputation": 20, "tipping": 20}
STEP = 250
log = logging.getLogger("bowlby")


class Sources:
    """What the kinds of robustness start from, read once for all kinds of a job.

    Parameters
    ----------
    loaded : Loaded
        Configuration and study.
    folder : Path
        The run's results.
    """

    def __init__(self, loaded, folder: Path):
        self.loaded, self.folder = loaded, folder

    @cached_property
    def basis(self) -> Basis:
        """The analysis sets."""
        return read_basis(self.loaded.run, self.folder)

    @cached_property
    def universe(self):
        """Scores and people."""
        return read_universe(self.loaded, self.folder)

    @cached_property
    def incomplete(self):
        """The study with its missing values, and the imputations drawn so far."""
        from bowlby.robustness.imputation import incomplete

        return incomplete(self.universe)


def compute_shard(sources: Sources, work: Work, path: Path, shard: int = 0) -> None:
    """Compute one shard of one kind of robustness and write it.

    What the study does not allow is written as not computed, with its reason (see :mod:`bowlby.robustness.replicates`).

    Parameters
    ----------
    sources : Sources
    work : Work
    path : Path
        Where to write.
    shard : int
        From 0.
    """
    run = sources.loaded.run
    try:
        table = _made(sources, work, shard)
    except Damaged:
        raise
    except (UserError, np.linalg.LinAlgError) as error:  # a check that cannot be computed does not end a run
        why, numbers = reason(error), range(*work.bounds(shard)) if work.replicates else [0]
        log.warning("%s: not computed: %s", work.kind, why)
        table = not_computed([Address(run.seed, work.kind, number) for number in numbers], why)
    counts = table["status"].value_counts()
    log.info("%s: %s", work.kind, ", ".join(f"{n} {status}" for status, n in sorted(counts.items())))
    table.attrs["inputs"] = input_hash(run, sources.folder, work.kind)
    write_parquet(path, table)


def _made(sources: Sources, work: Work, shard: int) -> pd.DataFrame:
    if work.kind in UNIVERSE:
        return _from_scores(sources, work, shard)
    if work.replicates:
        return _replicates(_maker(work.kind, sources.basis), work, shard)
    return _whole(sources.basis, work.kind)


def gather_shards(loaded, folder: Path, work: Work, shards: list[Path], path: Path) -> None:
    """Put the shards of one kind together and write it."""
    table = gather(shards, loaded.run.seed, work.kind, existing(work.replicates), fewer=work.kind == "multiverse")
    if table.attrs["inputs"] != input_hash(loaded.run, folder, work.kind):
        raise removed(shards, f"the shards of {work.kind} were made from other data or another configuration")
    write_parquet(path, table)


def _whole(basis: Basis, kind: str) -> pd.DataFrame:
    from bowlby.robustness.cluster_robust import sandwich
    from bowlby.robustness.leave_one_therapist_out import influence

    return {"influence": influence, "sandwich": sandwich}[kind](basis)


def _maker(kind: str, basis: Basis):
    """What makes replicates of one kind, from the first up to the last but one."""
    from bowlby.robustness.cluster_robust import cluster, wild
    from bowlby.robustness.resampling import assumptions, parametric, permutation

    make = {"parametric": parametric, "cluster": cluster, "permutation": permutation, "wild": wild,
            "assumptions": assumptions}[kind]  # fmt: skip
    return lambda first, last: make(basis, first, last)


def _from_scores(sources: Sources, work: Work, shard: int) -> pd.DataFrame:
    """Kinds that go back to the scores, with what they say of the study as a whole."""
    from bowlby.robustness.imputation import imputation, missing, tipping
    from bowlby.robustness.multiverse import choices, multiverse
    from bowlby.robustness.multiverse_null import multiverse_null

    universe = sources.universe
    if work.kind == "multiverse":
        table = _replicates(lambda first, last: multiverse(universe, first, last), work, shard)
        alternatives = choices(universe.run, universe.scores, universe.people, universe.occasions)
        table.attrs |= {"dropped": alternatives.dropped, "combinations": alternatives.size}
        return table
    if work.kind == "multiverse_null":
        strata = sources.basis.strata
        return _replicates(lambda first, last: multiverse_null(universe, strata, first, last), work, shard)
    of = sources.incomplete
    make = {"imputation": imputation, "tipping": tipping}[work.kind]
    table = _replicates(lambda first, last: make(of, first, last), work, shard)
    table.attrs |= {"missing": missing(of)}
    return table


def _replicates(make, work: Work, shard: int) -> pd.DataFrame:
    """A shard's replicates, with a line in the log now and then."""
    first, last = work.bounds(shard)
    step = STEPS.get(work.kind, STEP) * work.draw
    parts, began = [], time.perf_counter()
    for at in range(first, last, step):
        parts.append(make(at, min(at + step, last)))
        done = min(at + step, last) - first
        rate = done / (time.perf_counter() - began)
        log.info("%s: %d of %d, %.0f a second, %.0f s left", work.kind, done, last - first, rate,
                 (last - first - done) / rate)  # fmt: skip
    return stacked(parts)


def read_universe(loaded, folder: Path):
    """What the multiverse starts from: scores and people."""
    from bowlby.robustness.multiverse import StudyInputs

    scores = {name: _quick(read_parquet(folder / f"scores/{name}.parquet")) for name in instruments(loaded.run)}
    people = {name: _quick(read_parquet(folder / f"people/{name}.parquet")) for name in PEOPLE}
    return StudyInputs(loaded.run, scores, people, [o.id for o in loaded.study.occasions])


def _quick(table: pd.DataFrame) -> pd.DataFrame:
    """A table that is selected from hundreds of times: cells as categories, other texts as Python's own."""
    texts = table.select_dtypes("str").columns
    return table.astype({name: "category" if name in CELL else object for name in texts})


def read_basis(run, folder: Path) -> Basis:
    """The analysis sets and what else robustness starts from."""
    sets = {name: Rows(*read_set(folder, name)) for name in SETS}
    strata = _strata(run, folder, sets["primary"])
    return Basis(sets["primary"], sets["perceived"], existing(run.comparison).delta, run.seed, strata)


def _strata(run, folder: Path, rows: Rows) -> pd.Series:
    """Stratum of every therapist: what most of their patients have."""
    therapists = sorted(rows.membership["therapist"].unique())
    names = run.robustness.strata if run.robustness else []
    if not names:
        return pd.Series("all", index=therapists)
    people = read_parquet(folder / "people/patients.parquet").set_index("patient")
    labels = people[names].astype(str).agg(" / ".join, axis=1)
    seen = rows.membership["patient"].map(labels)
    usual = seen.groupby(rows.membership["therapist"]).agg(lambda values: values.mode().iloc[0])
    return usual.reindex(therapists)


def assess_robustness(run, folder: Path, fits: dict[str, dict], claims: dict[str, dict]) -> dict:
    """Record in the claims which robustness checks change them, and summarise the replicates.

    Parameters
    ----------
    run : Run
    folder : Path
        Of the results.
    fits : dict of dict
        Records by model.
    claims : dict of dict
        By name; changed in place (:func:`bowlby.robustness.verdict_changes.record_verdict_changes`).

    Returns
    -------
    dict
        The contents of ``robustness.json``.
    """
    from bowlby.robustness.summary import read_tables, summarise
    from bowlby.robustness.verdict_changes import record_verdict_changes

    tables = read_tables(folder, works(run.robustness))
    effects = {c["name"]: c for model in ("primary", "c4", "c5") if model in fits for c in fits[model]["contrasts"]}
    record_verdict_changes(claims, tables, effects, existing(run.comparison).delta)
    verdicts = {name: claim["verdict"] for name, claim in claims.items() if not claim["not_tested"]}
    return summarise(tables, effects, existing(run.comparison).delta, verdicts)
