"""The kinds of robustness as jobs: how many replicates, in how many shards, and which kinds one job makes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import ceil

from bowlby.config.robustness import Robustness
from bowlby.errors import existing

# Seconds a replicate for some 500 patients of 50 therapists on one core (benchmarks/robust); kinds that are not here
# are one piece of work.
SECONDS = {
    "parametric": 0.002,
    "cluster": 0.001,
    "permutation": 0.0015,
    "wild": 0.0003,
    "assumptions": 0.02,
    "multiverse": 0.05,
    "multiverse_null": 1.2,
    "imputation": 0.5,
    "tipping": 0.005,
}
OTHERS = 2.0
"""Seconds of each of those."""
OF_THESE = 0.25
"""MB of data, as text, that such a study brings."""
LONGEST = 120.0
QUICK = 30.0
"""Seconds that all kinds last at most where the job that fits makes them too."""
MOST = 1000
IMPUTED = ("imputation", "tipping")
"""Kinds that start from the same imputations: one job makes both, so that no imputation is drawn twice."""
REFITS = "refits"
"""Name of the job that makes several of the other kinds."""
SETS = ("primary", "perceived")
PEOPLE = ("patients", "therapists", "episodes")
UNIVERSE = {
    "multiverse": ("robustness.multiverse",),
    "multiverse_null": ("robustness.multiverse",),
    "imputation": ("robustness.imputation",),
    "tipping": ("robustness.imputation",),
}  # kinds that start from scores and people, and the settings that enter them


@dataclass(frozen=True)
class Work:
    """One kind of robustness.

    Attributes
    ----------
    kind : str
    replicates : int or None
        None where the study says how many (therapists).
    shards : int
    seconds : float
        Processor time of all replicates on one core, as measured.
    draw : int
        Replicates that start from one draw; no shard divides them.
    """

    kind: str
    replicates: int | None
    shards: int
    seconds: float = 0.0
    draw: int = 1

    def bounds(self, shard: int) -> tuple[int, int]:
        """First replicate of a shard (from 0), and the one after its last."""
        n, k = existing(self.replicates) // self.draw, self.shards
        return shard * n // k * self.draw, (shard + 1) * n // k * self.draw


def inputs(run, kind: str) -> list[str]:
    """Files of a run, relative to its folder, that one kind of robustness starts from."""
    sets = [f"analysis/{name}.{suffix}" for name in SETS for suffix in ("parquet", "membership.parquet", "design.json")]
    people = [f"people/{name}.parquet" for name in PEOPLE]
    if kind in UNIVERSE and kind != "multiverse_null":
        return [*(f"scores/{name}.parquet" for name in instruments(run)), *people]
    if kind == "multiverse_null":
        return [*sets, *(f"scores/{name}.parquet" for name in instruments(run)), *people]
    return [*sets, *(people[:1] if run.robustness.strata else [])]


def settings_of(*kinds: str) -> list[str]:
    """Keys of the configuration that enter kinds, for :meth:`bowlby.plan.Plan.settings`."""
    keys = {"comparison", "seed", "robustness.strata"}
    for kind in kinds:
        keys |= {"outcome", "robustness.replicates", *UNIVERSE[kind]} if kind in UNIVERSE else set()
    return sorted(keys)


def instruments(run) -> list[str]:
    """Instruments of the outcome and of every side of the comparison."""
    sides = (getattr(run.comparison, name) for name in type(run.comparison).model_fields)
    return sorted({run.outcome.instrument, *(side.instrument for side in sides if hasattr(side, "instrument"))})


def works(asked: Robustness | None, megabytes: float = OF_THESE) -> dict[str, Work]:
    """The requested checks as jobs, by kind.

    Parameters
    ----------
    asked : Robustness or None
    megabytes : float
        Size of the study's data as text (:func:`bowlby.resources.size`): a replicate of a larger study takes longer in
        proportion, and more shards share the work, so that one lasts two minutes at most.
    """
    if asked is None:
        return {}
    kinds = list(asked.kinds)
    if "cluster" in kinds and "influence" not in kinds:
        kinds.append("influence")  # its leave-one-out estimates are the jackknife of the bootstrap's intervals
    size = max(1.0, megabytes / OF_THESE)
    jobs: dict[str, Work] = {kind: _work(asked, kind, size) for kind in sorted(kinds)}
    if set(IMPUTED) <= set(jobs):
        both = [jobs[kind] for kind in IMPUTED]
        shards = _shards(asked, sum(work.seconds for work in both), existing(both[0].replicates))
        jobs |= {work.kind: replace(work, shards=shards) for work in both}
    return jobs


def batches(jobs: dict[str, Work]) -> dict[str, list[Work]]:
    """The jobs, by name, with the kinds that each makes, all of as many shards.

    A job costs its start-up, so kinds of one shard share a job where they take two minutes at most together.
    """
    imputed = [work for kind, work in jobs.items() if kind in IMPUTED]
    others = [work for kind, work in jobs.items() if kind not in IMPUTED]
    small = [work for work in others if work.shards == 1]
    if sum(work.seconds for work in small) > LONGEST:
        small = []
    parts = [imputed, small, *([work] for work in others if work not in small)]
    return {_name(part): part for part in parts if part}


def starts(kinds: Iterable[str]) -> dict[str, list[str]]:
    """Kinds by what they start from: ``scores`` alone, or ``analysis_sets`` too."""
    both: dict[str, list[str]] = {"scores": [], "analysis_sets": []}
    for kind in kinds:
        both["scores" if kind in UNIVERSE and kind != "multiverse_null" else "analysis_sets"].append(kind)
    return {name: some for name, some in both.items() if some}


def _name(part: list[Work]) -> str:
    """Of a job: its kind, or its first where it makes imputations, or what the kinds have in common."""
    return part[0].kind if len(part) == 1 or part[0].kind in IMPUTED else REFITS


def moves_of(deltas: list[float]) -> list[tuple[str, float]]:
    """Differences in slope that ``tipping`` tries: along which predictor, and by how much, in both directions."""
    sizes = sorted({abs(delta) for delta in deltas})
    signed = [way * size for size in sizes for way in ((1.0, -1.0) if size else (1.0,))]
    return [(along, delta) for along in ("attachment", "style") for delta in signed]


def _work(asked: Robustness, kind: str, times: float) -> Work:
    if kind not in SECONDS:
        return Work(kind, None, 1, OTHERS * times)
    draws = getattr(asked.replicates, "imputation" if kind == "tipping" else kind)
    moves = len(moves_of(asked.imputation.deltas)) if kind == "tipping" else 1
    alone = kind == "tipping" and "imputation" not in asked.kinds  # else the imputations are there
    seconds = draws * times * (SECONDS[kind] * moves + (SECONDS["imputation"] if alone else 0.0))
    return Work(kind, draws * moves, _shards(asked, seconds, draws), seconds, moves)


def _shards(asked: Robustness, seconds: float, draws: int) -> int:
    return min(asked.shards or ceil(seconds / LONGEST), draws, MOST)
