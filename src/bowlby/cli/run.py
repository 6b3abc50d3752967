"""``bowlby run``: start the workflow on one configuration, from any folder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Annotated

import typer

from bowlby.cli.progress import shown
from bowlby.cli.snakemake_log import Listener
from bowlby.errors import UserError, printable, problem
from bowlby.files import read_json
from bowlby.run_marker import lift_lock

DRY = {"-n", "--dry-run", "--dryrun"}
WIDTH = 100
INTERRUPTED = 130
KILLED = ["error: Snakemake was killed; run again, and the run goes on where it stopped"]
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run(
    context: typer.Context,
    config: Annotated[Path, typer.Argument(help="The run's configuration file.")],
    cores: Annotated[int, typer.Option(help="Cores to use; 0 for all (with a profile: as it says).")] = 0,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show all that Snakemake says.")] = False,
    profile: Annotated[str, typer.Option(help="Where to run: slurm, or the folder of a Snakemake profile.")] = "",
) -> None:
    """Run a study from its raw files to its report; targets and Snakemake options may follow after --."""
    from bowlby.plan import plan

    planned = plan(config)
    where = ["--workflow-profile", str(profile_folder(profile))] if profile else []
    limit = ["--cores", str(cores) if cores else "all"] if cores or not profile else []
    command = [
        sys.executable,
        "-m",
        "snakemake",
        "--snakefile",
        str(snakefile()),
        "--configfile",
        str(config),
        *where,
        *limit,
        *context.args,
    ]
    whole = verbose or bool(profile) or any(word.startswith("-") for word in context.args)
    dry = not DRY.isdisjoint(context.args)
    if not dry and lift_lock(planned.folder):
        print("note: the run before was killed and had left these results locked; the lock is lifted", file=sys.stderr)
    listener, status = _heard(command, planned.folder, whole)
    logs = planned.folder / "logs"
    if status and listener.mended(logs):
        print(*(f"note: {line.removeprefix('error: ')}" for line in listener.reasons(logs)), sep="\n", file=sys.stderr)
        listener, status = _heard(command, planned.folder, whole)
    if status and listener.interrupted:
        print(_interruption(listener), file=sys.stderr)
        raise typer.Exit(INTERRUPTED)
    if status:
        report = planned.folder / "report.html"
        if report.is_file():
            print(f"unfinished: {report}")
        print("\nbowlby stopped:", file=sys.stderr)
        print(*(KILLED if status < 0 else listener.reasons(logs)), sep="\n", file=sys.stderr)
        print("", *listener.places(), sep="\n", file=sys.stderr)
        raise typer.Exit(1)
    if listener.ran and not dry:
        from bowlby.reproduction.verify import write_checksums

        write_checksums(planned.folder)
        print(*ending(planned.folder), sep="\n")


def _heard(command: list[str], folder: Path, whole: bool) -> tuple[Listener, int]:
    """Run Snakemake to its end; what was heard of it, and its exit status."""
    listener, running = Listener(), []

    def interrupt(_number: int, _frame) -> None:
        listener.interrupted = True
        for process in running:
            os.killpg(process.pid, signal.SIGINT)

    before = {number: signal.signal(number, interrupt) for number in ENDING}
    try:
        # In a session of its own it hears of Ctrl-C from here alone, once, with all its jobs.
        with subprocess.Popen(
            command, stderr=subprocess.PIPE, text=True, errors="replace", start_new_session=True
        ) as process, shown(listener, folder) as show:
            running.append(process)
            for line in process.stderr:
                told = listener.hear(line)
                if whole or told:
                    show(printable(line if whole else told))
        running.clear()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return listener, process.returncode


def _interruption(listener: Listener) -> str:
    """What is finished of a run that was interrupted, and how to go on."""
    done, total = listener.steps
    finished = f"{done} of {total} jobs are done and stay" if total else "no job was finished in this run"
    return f"\nbowlby was interrupted: {finished}; the same command goes on from there"


def ending(folder: Path) -> list[str]:
    """What a finished run says: the verdict's sentence where there is one, doubts about keys, and the report's path."""
    from bowlby.report.sections.keys import alarms
    from bowlby.results import Results
    from bowlby.tables.words import typeset

    lines, verdict, report = [], folder / "verdict.json", folder / "report.html"
    if verdict.is_file():
        lines += textwrap.wrap(typeset(read_json(verdict)["sentence"]), WIDTH)
    audit = Results(folder).text_table("keying_audit.csv")
    if audit is not None:
        lines += [f"warning: {line}" for line in alarms(audit)]
    if report.is_file():
        lines.append(f"report: {report}")
    return lines


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
                "the workflow is not beside the package",
                "install from a checkout with `make`, or set BOWLBY_CHECKOUT to its folder",
            ),
            status=4,
        )
    return path
