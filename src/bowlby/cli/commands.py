"""The commands of the command line but ``bowlby run``; each imports what it needs when it is called."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bowlby.errors import count, existing

SHOWN = 20
DIFFERS = 3


def _print_version(wanted: bool) -> None:
    if wanted:
        from bowlby import __version__

        print(f"bowlby {__version__}")
        raise typer.Exit


def bowlby(
    version: Annotated[
        bool,
        typer.Option(
            "--version", metavar="", callback=_print_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Does perceived attachment predict outcome more strongly than the therapist's own style?"""


def init(
    files: Annotated[list[Path], typer.Argument(help="Raw data files: CSV, Excel, SPSS, Stata, SAS, Parquet.")],
    into: Annotated[Path, typer.Option(help="Folder for the draft; created if it does not exist.")] = Path("."),
    ask: Annotated[
        bool, typer.Option("--ask", help="Confirm or correct each uncertain guess at the terminal.")
    ] = False,
) -> None:
    """Draft a study file and a run's file from raw files; guesses are marked, existing files are never overwritten."""
    from bowlby.config.guesses import MARK, marks
    from bowlby.drafting import write_draft

    written = write_draft(files, into, _reviewer() if ask else None)
    for path in written:
        guesses = sum(name == path.name for name, _, _ in marks(into / "config.yaml"))
        print(f"written: {path} ({guesses} lines with a guess, marked `{MARK}`)")
    print(f"next: check every guess in both files, then run `bowlby check {into / 'config.yaml'}`")


def _reviewer():
    """The dialogue at the terminal; values of the columns are not written to any file."""
    import sys
    from functools import partial

    from bowlby.drafting.ask import walk
    from bowlby.errors import UserError, problem

    if not sys.stdin.isatty():
        raise UserError(problem("--ask needs a terminal", "leave it out, and edit the draft"))
    return partial(walk, reply=input, show=print)


def check(config: Annotated[Path, typer.Argument(help="The run's configuration file.")]) -> None:
    """Check a configuration and its data: one line per problem, errors first, by file and row; nothing is written."""
    from bowlby.check import check as problems_of
    from bowlby.cli.terminal import show
    from bowlby.config.guesses import UNSURE, marks
    from bowlby.ingest.issues import ORDER

    problems, guesses = problems_of(config), marks(config)
    show(f"{severity}: {line}" for severity, line in sorted(problems, key=lambda problem: ORDER[problem[0]]))
    severities = [severity for severity, _ in problems]
    unsure = [guess for guess in guesses if guess[2].startswith(UNSURE)]
    show(f"guess: {name}:{line}: {what}" for name, line, what in unsure)
    numbers = {severity: severities.count(severity) for severity in ORDER}
    print(", ".join(count(n, severity) for severity, n in numbers.items() if n or severity != "note"))
    if guesses:
        marked = count(len(guesses), "line of the draft has a mark", "lines of the draft have a mark")
        print(f"{marked} (`# ?`), {len(unsure)} of them uncertain; confirm each, and delete its mark")
    if numbers["error"]:
        raise typer.Exit(1)


def _list_scenarios(wanted: bool) -> None:
    if wanted:
        from bowlby.simulate.scenarios import explained

        print(explained())
        raise typer.Exit


def simulate(
    folder: Annotated[Path, typer.Argument(help="Folder to write into; must be empty or absent.")],
    scenario: Annotated[str, typer.Option(help="What is true in the population: see --list.")] = "S1",
    seed: Annotated[int, typer.Option(min=0, help="Seed.")] = 1,
    therapists: Annotated[int | None, typer.Option(min=3, help="Number of therapists (48; platform 25,000).")] = None,
    patients: Annotated[int | None, typer.Option(min=2, help="Patients per therapist (12; platform 40).")] = None,
    platform: Annotated[
        bool, typer.Option("--platform", metavar="", help="Simulate a routine-care platform, written as Parquet.")
    ] = False,
    switching: Annotated[
        float, typer.Option(min=0, max=1, help="Share of a platform's patients who change therapist.")
    ] = 0.0,
    like: Annotated[
        Path | None, typer.Option(help="A file that `bowlby freeze` wrote: a study of the same structure instead.")
    ] = None,
    with_config: Annotated[
        bool,
        typer.Option(metavar="", help="Also write a configuration (not for a platform)."),
    ] = True,
    explain: Annotated[
        bool,
        typer.Option(
            "--list", metavar="", callback=_list_scenarios, is_eager=True, help="Explain the scenarios and exit."
        ),
    ] = False,
) -> None:
    """Simulate a study with known truth, clearly labelled synthetic."""
    if like:
        from bowlby.reproduction.frozen import read_frozen
        from bowlby.simulate.synthetic_copy import write_like

        write_like(read_frozen(like), folder, seed)
    elif platform:
        from bowlby.simulate.platform import Platform, write_platform

        write_platform(Platform(therapists or 25_000, patients or 40, seed, switching), folder)
        study = "platform-switching-study.yaml" if switching else "platform-study.yaml"
        path = "config/examples/platform.yaml"
        print(f"to run it: set `data: {folder.resolve()}` and `study: {study}` in {path}, then `bowlby run {path}`")
    else:
        from bowlby.simulate import simulate_study, write_study

        write_study(simulate_study(scenario, seed, therapists or 48, patients or 12), folder, with_config=with_config)
    print(f"written: {folder}")


def plan(
    therapists: Annotated[int, typer.Option(min=6, help="Number of therapists.")],
    patients: Annotated[float, typer.Option(min=2, help="Average number of patients per therapist.")],
    icc: Annotated[float, typer.Option(min=0.0, max=0.5, help="Share of outcome variance between therapists.")] = 0.05,
    switching: Annotated[float, typer.Option(min=0.0, max=0.9, help="Share of patients who change therapist.")] = 0.0,
    delta: Annotated[float, typer.Option(min=0.01, help="Equivalence bound.")] = 0.10,
    studies: Annotated[int, typer.Option(min=0, help="Studies simulated per population; 0: formula only.")] = 200,
    seed: Annotated[int, typer.Option(min=0, help="Seed.")] = 1,
    output: Annotated[Path | None, typer.Option(help="Also write the numbers to this JSON file.")] = None,
) -> None:
    """Estimate what a planned study could show, by formula and by simulation."""
    from rich.console import Console
    from rich.progress import track

    from bowlby.cli import plan_output
    from bowlby.files import write_json
    from bowlby.simulate.planning import closed_form, power

    console = Console(highlight=False)
    console.width = min(console.width, plan_output.WIDTH) if console.is_terminal else plan_output.WIDTH
    grid = closed_form(therapists, patients, delta)
    console.print(plan_output.style_table(grid, therapists, patients))
    console.print(plan_output.MEANING.format(delta=delta), "\n")
    here = closed_form(therapists, patients, delta, [icc]).to_dict("records")[0]
    console.print(plan_output.style_conclusion(here, delta), "\n")
    numbers = {"closed_form": grid.to_dict("records"), "at_icc": here}
    if studies:
        simulated = power(therapists, patients, icc, switching, delta, studies, seed,
                          lambda x: track(x, description="simulating", console=Console(stderr=True)))  # fmt: skip
        console.print(plan_output.verdict_table(simulated, delta, studies, icc))
        console.print(plan_output.CELLS.format(error=simulated.mc_se[0]), "\n")
        for line in plan_output.conclusions(simulated, delta):
            console.print(f"- {line}")
        numbers["simulated"] = simulated.to_dict("records")
    if output:
        write_json(output, {"schema": 1, "therapists": therapists, "patients": patients, "icc": icc, "delta": delta,
                            "switching": switching, "studies": studies, "seed": seed, **numbers})  # fmt: skip


def verify(
    results: Annotated[Path, typer.Argument(help="Folder of a run, such as results/example.")],
    config: Annotated[
        Path | None, typer.Option(help="The run's configuration file: also recompute the analysis sets from raw files.")
    ] = None,
    frozen: Annotated[
        Path | None, typer.Option(help="A file that `bowlby freeze` wrote: compare the run with its endpoints instead.")
    ] = None,
) -> None:
    """Compare a run's files with their checksums, and recompute its numbers.

    Fits, estimands and the verdict are recomputed from the analysis sets in the folder; scores of a run with scores
    alone are recomputed from its item responses. With --config, the analysis sets are first recomputed from the raw
    files. Replicates of robustness checks, reliability, adequacy, figures, tables and report are only compared with
    their checksums. Numbers agree if they differ by less than 1e-6 of their size. The exit status is 3 if something
    differs, 1 if the data needed are not there.
    """
    from bowlby.run_marker import is_unfinished

    if frozen:
        from bowlby.cli.reproduction import finished
        from bowlby.reproduction.frozen import compare as compare_frozen

        result = compare_frozen(finished(results), frozen)
    else:
        from bowlby.config import load
        from bowlby.reproduction.verify import verify as compare

        result = compare(results, load(config) if config else None)
    if is_unfinished(results):
        print("the last run in this folder may not have finished")
    if not result.listed:
        print("no checksums.txt: it is not known whether files were altered")
    for what, names in (("missing", result.missing), ("altered since the run", result.altered)):
        for name in names[:SHOWN]:
            print(f"{name}: {'not that of the paper' if frozen else what}")
    for line in result.differing[:SHOWN]:
        print(line)
    if len(result.differing) > SHOWN:
        print(f"... and {len(result.differing) - SHOWN} more")
    if not result.computed:
        print(
            "no number was recomputed: the folder does not hold the data of patients that numbers are computed from; "
            "only checksums were compared. To recompute, name the original folder of the run."
        )
        raise typer.Exit(1 if result.good else DIFFERS)
    tolerance = "1e-6; of numbers kept as text, their digits" if frozen else "1e-6"
    print(
        f"reproduced {result.numbers - len(result.differing):,} of {result.numbers:,} numbers (tolerance {tolerance})"
    )
    if not result.good:
        raise typer.Exit(DIFFERS)


class _Words(typer.core.TyperGroup):
    """A group that takes words that are none of its commands as words to search for."""

    def resolve_command(self, ctx, args):
        return super().resolve_command(ctx, args if args[0] in self.commands else ["find", *args])


instruments = typer.Typer(
    help="List, search and test questionnaires, also your own: bowlby instruments anger, or 6 items.",
    invoke_without_command=True,
    cls=_Words,
)
Config = Annotated[
    Path | None, typer.Option("--config", help="A run's configuration file: also use your study's own instruments.")
]


@instruments.callback()
def list_instruments(context: typer.Context, config: Config = None) -> None:
    """List the questionnaires with the confidence of their keys."""
    if context.invoked_subcommand is None:
        _print_instruments([], config)


@instruments.command("find")
def find_instruments(
    context: typer.Context,
    words: Annotated[list[str], typer.Argument(help="Words, or a number of items: anger, 6 items.")],
    config: Config = None,
) -> None:
    """List the questionnaires whose name, scales, citation or licence have all the words; "find" can be left out."""
    _print_instruments(words, config or existing(context.parent).params["config"])


def _print_instruments(words: list[str], config: Path | None) -> None:
    from bowlby.errors import UserError
    from bowlby.instruments.catalogue import find, text_table

    found, faults = find(words, _own_instruments(config))
    print(text_table(found))
    if faults:
        raise UserError(faults)


@instruments.command("show")
def show_instrument(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Id of an instrument, such as wai_sr.")],
    config: Config = None,
) -> None:
    """Show one questionnaire: items, key, rule for missing items, sources."""
    from bowlby.instruments.catalogue import describe

    print(describe(name, _own_instruments(config or existing(context.parent).params["config"])))


@instruments.command("new")
def new_instrument(
    name: Annotated[str, typer.Argument(help="Id of the questionnaire: small letters, digits and _.")],
    items: Annotated[int, typer.Option(min=1, max=999, help="Number of items.")],
    low: Annotated[int, typer.Option(help="Lowest answer.")] = 0,
    high: Annotated[int, typer.Option(help="Highest answer.")] = 4,
    into: Annotated[Path, typer.Option(help="Folder for the file.")] = Path("config/instruments"),
) -> None:
    """Write a commented file of a questionnaire of your own, to be filled in."""
    from bowlby.drafting.own_key import new_instrument as write

    print(f"written: {write(into, name, items, low, high)}")


@instruments.command("test")
def test_instrument(
    file: Annotated[Path, typer.Argument(help="The instrument's file.")],
    data: Annotated[Path, typer.Argument(help="A raw data file with its items.")],
) -> None:
    """Score a raw file with an instrument file and audit the key; nothing is written."""
    from bowlby.cli.terminal import show
    from bowlby.drafting.own_key import try_key

    show(try_key(file, data))


def _own_instruments(config: Path | None) -> Path | None:
    """Folder of the user's own instruments."""
    if config is None:
        return None
    from bowlby.config import load

    return load(config).instruments_dir
