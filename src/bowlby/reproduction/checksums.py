"""The SHA-256 of every file of a run."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from bowlby.errors import Place, UserError, problem
from bowlby.files import write_text
from bowlby.run_marker import CHECKSUMS, PAGE, is_unfinished

NOT_HASHED = {CHECKSUMS, "manifest.json"}
"""The list itself, and the one file with times."""
PASSING = ("logs", "benchmarks", ".snakemake")


def write_checksums(folder: str | Path) -> None:
    """Write the SHA-256 of every file of a run, as ``sha256sum`` reads it."""
    folder = Path(folder)
    lines = [f"{sha256(file)}  {file.relative_to(folder).as_posix()}" for file in _outputs(folder)]
    write_text(folder / CHECKSUMS, "\n".join(lines) + "\n")


def changed_files(folder: Path) -> tuple[list[str], list[str]]:
    """Files that the list of checksums names and that are missing, and those whose content is another.

    Raises
    ------
    FileNotFoundError
        If there is no list; a workflow that uses this one as a module writes none.
    """
    missing: list[str] = []
    altered: list[str] = []
    for line in (folder / CHECKSUMS).read_text("utf-8").splitlines():
        digest, _, name = line.partition("  ")
        file = folder / name
        if not file.is_file():
            missing.append(name)
        elif sha256(file) != digest:
            altered.append(name)
    return missing, altered


def require_finished(folder: Path) -> None:
    """Refuse a folder whose last run did not finish.

    Raises
    ------
    UserError
        If so.
    """
    if is_unfinished(folder):
        what = "the last run in this folder did not finish, so that its files may come from different runs"
        if not (folder / PAGE).is_file():
            what = f"{PAGE} is missing: the last run in this folder may not have finished"
        raise UserError(problem(what, "run it again", Place(str(folder))))


def require_unchanged(folder: Path) -> None:
    """Refuse a run that did not finish, or whose files are no longer those that it wrote.

    Raises
    ------
    UserError
        A line for each file that is missing or altered.
    """
    require_finished(folder)
    if not (folder / CHECKSUMS).is_file():
        return
    missing, altered = changed_files(folder)
    lines = [("the file is missing", name) for name in missing]
    lines += [("the file was altered since the run: its content differs from checksums.txt", name) for name in altered]
    if lines:
        raise UserError([problem(what, "run the study again", Place(str(folder / name))) for what, name in lines])


def _outputs(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if path.is_file() and inside.parts[0] not in PASSING and inside.name not in NOT_HASHED and path.name[0] != ".":
            yield path


def sha256(path: Path) -> str:
    """The SHA-256 of a file as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
