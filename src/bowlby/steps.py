"""The steps of a job: stages of a planned run, in sequence or in parallel."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module

from bowlby import stages
from bowlby.errors import UserError
from bowlby.fingerprint import fingerprint
from bowlby.plan import Plan
from bowlby.processes import side_by_side

CODE = {
    "ingest": "ingest",
    "score": "score",
    "design": "design",
    "fit": "fit",
    "estimate": "estimate",
    "robustness": "robust",
    "check_robustness": "robust",
    "compare": "compare",
    "judge_domains": "domains",
    "compare_pair": "robust",
    "compare_session_to_session": "compare",
    "compare_growth": "compare",
    "mediate": "estimate",
    "examine_change": "estimate",
    "moderate": "compare",
    "match": "compare",
    "manifest": "manifest",
    "figures": "figures",
    "tables": "tables",
    "report": "report",
}
"""Whose code each step runs, of :data:`bowlby.fingerprint.STAGES`."""
COMMON = {
    "score": ("bowlby.instruments.catalogue", "scipy.optimize"),
    "design": ("pyarrow.dataset", "bowlby.fit.models", "bowlby.robustness.stage"),
    "figures": ("pyarrow.dataset", "seaborn", "bowlby.figures", "bowlby.tables"),
}
"""By task, what its processes or the other chains of its step import too: once, before they part."""


def run_steps(run: Plan, steps: list[list[list[list]]], processes: int = 1) -> None:
    """Run the steps of a job.

    Parameters
    ----------
    run : Plan
    steps : list
        One after the other. Each is a list of chains that do not need one another; each chain is a list of tasks, one
        after the other, and each task the name of a step (of `CODE`) and its arguments.
    processes : int
        For the chains of a step, for scoring and for the figures.

    Raises
    ------
    UserError
        With the problems of all analysis sets that a task refused; of chains side by side, those of the first refusal.
    """
    for chains in steps:
        n = len(chains)
        tasks = [name for chain in chains for name, *_ in chain]
        modules = [module for name in tasks for module in COMMON.get(name, ())]
        for module in modules if processes > 1 else []:
            import_module(module)
        side_by_side(_follow, [run] * n, chains, [processes] * n, processes=processes)


def code(tasks: Iterable[list]) -> list[str]:
    """Fingerprints of the code that tasks run."""
    return sorted({fingerprint(CODE[name]) for name, *_ in tasks})


def _follow(run: Plan, chain: list[list], processes: int) -> None:
    for name, *arguments in chain:
        if name in PARALLEL:
            PARALLEL[name](run, *arguments, processes)
        elif name in OWN:
            OWN[name](run, *arguments)
        else:
            getattr(stages, name)(run.loaded, run.folder, *arguments)


def score(run: Plan, instruments: list[str], processes: int) -> None:
    """Measures to scores."""
    stages.score(run.loaded, run.folder, instruments, processes)


def design(run: Plan, *sets: str) -> None:
    """Analysis sets."""
    _each(sets, lambda name: stages.design(run.loaded, run.folder, name, run.instruments))


def fit(run: Plan, *sets: str) -> None:
    """The models of analysis sets."""
    _each(sets, lambda name: stages.fit(run.loaded, run.folder, name))


def _each(names: Iterable[str], work: Callable[[str], None]) -> None:
    """Do some work for each name; after the last, one error has the problems of all that were refused."""
    problems: list[str] = []
    for name in names:
        try:
            work(name)
        except UserError as error:
            problems += [line for line in error.problems if line not in problems]
    if problems:
        raise UserError(problems)


def robustness(run: Plan, *kinds: str) -> None:
    """Kinds of robustness."""
    from bowlby.robustness.stage import Sources, compute_shard

    sources = Sources(run.loaded, run.folder)
    for kind in kinds:
        compute_shard(sources, run.robustness[kind], run.folder / f"robustness/{kind}.parquet")


def check_robustness(run: Plan) -> None:
    """Remove and name tables of robustness that are not of this run's data and configuration."""
    from bowlby.robustness.provenance import check_tables

    check_tables(run.loaded.run, run.folder)


def manifest(run: Plan) -> None:
    """What went in, and the programs that fit the main models again."""
    from bowlby.manifest import write_manifest
    from bowlby.reproduction.scripts import write_scripts

    write_manifest(run)
    write_scripts(run.folder, run.models(), run.loaded.title)


def figures(run: Plan, processes: int) -> None:
    """The figures, side by side."""
    from bowlby.figures import build

    build(run.folder, processes)


def tables(run: Plan) -> None:
    """The tables."""
    from bowlby.tables import build

    build(run.folder)


def report(run: Plan) -> None:
    """The report."""
    from bowlby.report import build

    build(run.folder)


PARALLEL: dict[str, Callable] = {step.__name__: step for step in (score, figures)}
"""Steps that work in several processes."""
OWN = {step.__name__: step for step in (design, fit, robustness, check_robustness, manifest, tables, report)}
"""Steps that are more than a call of one of the stages with configuration, folder and arguments."""
