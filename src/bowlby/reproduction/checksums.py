"""The SHA-256 of every file of a run."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from bowlby.files import write_text

CHECKSUMS = "checksums.txt"
NOT_HASHED = {CHECKSUMS, "manifest.json"}
"""The list itself, and the one file with times."""
PASSING = ("logs", "benchmarks", ".snakemake")


def write_checksums(folder: str | Path) -> None:
    """Write the SHA-256 of every file of a run, as ``sha256sum`` reads it."""
    folder = Path(folder)
    lines = [f"{sha256(file)}  {file.relative_to(folder).as_posix()}" for file in _outputs(folder)]
    write_text(folder / CHECKSUMS, "\n".join(lines) + "\n")


def _outputs(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if path.is_file() and inside.parts[0] not in PASSING and inside.name not in NOT_HASHED and path.name[0] != ".":
            yield path


def sha256(path: Path) -> str:
    """The SHA-256 of a file as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
