"""``bowlby run``: start the workflow on one configuration, from any folder."""

from __future__ import annotations

import os
import signal
import sys
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bowlby.cli.progress import progress_bars
from bowlby.cli.snakemake_log import SnakemakeLog
from bowlby.cli.snakemake_process import start
from bowlby.cli.terminal import show
from bowlby.errors import UserError, count, printable, problem

if TYPE_CHECKING:
    from bowlby.plan import Plan

DRY = {"-n", "--dry-run", "--dryrun"}
LONG_RUN = 90 * 60
INTERRUPTED = 130
KILLED = ["error: Snakemake was killed; run again to continue where it stopped"]
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run(
    context: typer.Context,
    config: Annotated[Path, typer.Argument(help="The run's configuration file.")],
    cores: Annotated[int, typer.Option(help="Cores to use; 0 for all (or as the profile sets).")] = 0,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", metavar="", help="Show all of Snakemake's messages.")
    ] = False,
    profile: Annotated[str, typer.Option(help="Where to run: slurm, or the folder of a Snakemake profile.")] = "",
) -> None:
    """Run a study from its raw files to its report; targets and Snakemake options may follow after --."""
    from bowlby.design.directions import contrary_directions
    from bowlby.plan import plan
    from bowlby.run_marker import lift_lock

    planned = plan(config)
    show((f"warning: {line}" for line in contrary_directions(planned.loaded)), err=True)
    where = ["--workflow-profile", str(profile_folder(profile))] if profile else []
    limit = ["--cores", str(cores) if cores else "all"] if cores or not profile else []
    arguments = ["--snakefile", str(snakefile()), "--configfile", str(config), *where, *limit, *context.args]
    if planned.stale_elsewhere():
        arguments.insert(0, "--forceall")
        what = (
            "the results were computed elsewhere with another configuration or other data; all of them are recomputed"
        )
        show([f"note: {what}"], err=True)
    whole = verbose or bool(profile) or any(word.startswith("-") for word in context.args)
    dry = not DRY.isdisjoint(context.args)
    if not dry and lift_lock(planned.folder):
        what = "the previous run was killed and left the results folder locked; the lock was removed"
        show([f"note: {what}"], err=True)
    log, status = _run_snakemake(arguments, planned, whole)
    logs = planned.folder / "logs"
    if status and log.removed(logs):
        show((f"note: {line.removeprefix('error: ')}" for line in log.failure(logs)), err=True)
        log, status = _run_snakemake(arguments, planned, whole)
    if status and log.interrupted:
        print("", *partial_report(planned.folder), _interruption(log, planned.folder), sep="\n", file=sys.stderr)
        raise typer.Exit(INTERRUPTED)
    if status:
        show(partial_report(planned.folder))
        print("\nbowlby stopped:", file=sys.stderr)
        show(KILLED if status < 0 else log.failure(logs), err=True)
        print("", *log.logs_to_read(), sep="\n", file=sys.stderr)
        raise typer.Exit(1)
    if log.ran and not dry:
        print(*ending(planned.folder, whole=not context.args), sep="\n")


def beginning(planned: Plan, log: SnakemakeLog) -> str:
    """The first line of a run: how many jobs, about how long, and where results go."""
    seconds = planned.seconds(log.jobs) / log.cores
    if seconds < 60:
        duration = "less than a minute"
    elif seconds < LONG_RUN:
        duration = f"about {count(ceil(seconds / 60), 'minute')}"
    else:
        duration = f"about {count(round(seconds / 3600), 'hour')}"
    jobs, cores = count(log.steps[1], "job"), count(log.cores, "core")
    return f"{jobs}, {duration} on {cores}; results go to {planned.folder}\n"


def _run_snakemake(arguments: list[str], planned: Plan, whole: bool) -> tuple[SnakemakeLog, int]:
    """Run Snakemake; its messages and its exit status."""
    log = SnakemakeLog(announce=lambda log: beginning(planned, log))
    reading, writing = os.pipe()
    running: list[int] = []

    def interrupt(_number: int, _frame) -> None:
        log.interrupted = True
        for process in running:
            os.killpg(process, signal.SIGINT)

    before = {number: signal.signal(number, interrupt) for number in ENDING}
    try:
        running.append(start(arguments, writing))
        os.close(writing)
        with (
            open(reading, encoding="utf-8", errors="replace") as messages,
            progress_bars(log, planned.folder) as show_line,
        ):
            for line in messages:
                progress = log.read(line)
                if shown := line if whole else progress:
                    show_line(printable(shown))
        _, ended = os.waitpid(running.pop(), 0)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return log, os.waitstatus_to_exitcode(ended)


def partial_report(folder: Path) -> list[str]:
    """Where the page of a run that did not finish is; empty if there is no such page."""
    from bowlby.run_marker import PAGE, is_unfinished

    page = folder / PAGE
    return [f"partial report: {page}"] if page.is_file() and is_unfinished(folder) else []


def _interruption(log: SnakemakeLog, folder: Path) -> str:
    """What is finished of a run that was interrupted, and how to continue."""
    done, total = log.steps
    if not (done or log.running or partial_report(folder)) and (folder / "report.html").is_file():
        return f"bowlby was interrupted before its first job; the results of the earlier run in {folder} are unchanged"
    finished = f"{done} of {total} jobs are done and are kept" if done else "no job was finished"
    return f"bowlby was interrupted: {finished}; run the same command again to continue"


def ending(folder: Path, whole: bool = True) -> list[str]:
    """Last lines of a finished run: its summary, and where the report is.

    Parameters
    ----------
    folder : Path
        ``results/<run>``.
    whole : bool
        Whether all results are there and of this run, the summary too; else it is made from those that are.
    """
    kept, report = folder / "summary.txt", folder / "report.html"
    if whole and kept.is_file():
        lines = kept.read_text("utf-8").splitlines()
    else:
        from bowlby.report.summary import summary
        from bowlby.results import Results

        lines = summary(Results(folder))
    return [*lines, f"report: {report}"] if report.is_file() else lines


def profile_folder(name: str) -> Path:
    """The folder of a profile: one of the checkout's by name, or any by path."""
    known = snakefile().parent / "profiles"
    for folder in (known / name, Path(name)):
        if (folder / "config.yaml").is_file():
            return folder
    names = ", ".join(sorted(p.parent.name for p in known.glob("*/config.yaml")))
    raise UserError(
        problem(f"no profile {name!r}", f"choose one of {names}, or give a folder that holds config.yaml"), status=2
    )


def snakefile() -> Path:
    """The Snakefile of the checkout that this package comes from, or of ``BOWLBY_CHECKOUT``."""
    root = Path(os.environ.get("BOWLBY_CHECKOUT") or Path(__file__).parents[3])
    path = root / "Snakefile"
    if not path.is_file():
        raise UserError(
            problem(
                "the workflow was not found",
                "install from a checkout with `make`, or set BOWLBY_CHECKOUT to the folder of the checkout",
            ),
            status=4,
        )
    return path
