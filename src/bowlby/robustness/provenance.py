"""What tables of replicates were made from, so that those of other data or another configuration are not used."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from bowlby.errors import RECOMPUTE, Place, UserError, existing, problem
from bowlby.files import read_parquet
from bowlby.fingerprint import checksum
from bowlby.robustness.jobs import UNIVERSE, inputs, works


def check_tables(run, folder: Path) -> None:
    """Remove tables of replicates made from other data or another configuration, and say so.

    Raises
    ------
    UserError
        If there was one; the next run makes it anew.
    """
    problems = []
    for kind in works(run.robustness):
        path = folder / f"robustness/{kind}.parquet"
        if read_parquet(path).attrs.get("inputs") != input_hash(run, folder, kind):
            path.unlink()
            what = "made from other data or another configuration"
            problems.append(problem(what, f"it was removed; {RECOMPUTE}", Place(path.name)))
    if problems:
        raise UserError(problems)


def input_hash(run, folder: Path, kind: str) -> str:
    """What replicates are made from: files and the settings that enter them."""
    asked = run.robustness
    if kind.startswith("multiverse"):
        own = [asked.multiverse.model_dump(), asked.replicates.multiverse]
    else:
        own = [asked.imputation.model_dump()]
    if kind in UNIVERSE:
        settings = [run.outcome.model_dump(), existing(run.comparison).model_dump(), *own]
    else:
        settings = [existing(run.comparison).delta]
    digest = hashlib.sha256(json.dumps([run.seed, asked.strata, settings], sort_keys=True).encode())
    for name in inputs(run, kind):
        digest.update(checksum(folder / name).encode())
    return digest.hexdigest()[:16]
