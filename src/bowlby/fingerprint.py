"""What a job depends on besides its input files: our own code, libraries' versions and the content of raw data."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGE = Path(__file__).parent
LIBRARIES = ("numpy", "scipy", "pandas", "statsmodels", "pingouin")
SHARED = ("disclosure.py", "effect.py", "errors.py", "files.py", "reasons.py", "stages.py", "terms.py")
MODELS = ("config", "design", "instruments", "mixed", "lagged", "fit")
PAGES = ("config", "instruments", "records.py", "results.py", "schema.py")
STAGES = {
    "ingest": ("config", "ingest", "instruments", "dictionary.py"),
    "score": ("config", "instruments", "dictionary.py"),
    "design": ("config", "design", "instruments", "mixed"),
    "fit": ("mixed", "lagged", "fit", "design/centring.py"),
    "estimate": ("config", "design", "mixed", "lagged", "fit", "estimands"),
    "robust": (*MODELS, "compare", "robustness"),
    "domains": (*MODELS, "estimands", "compare"),
    "compare": (*MODELS, "compare", "records.py", "robustness"),
    "simulate": (*MODELS, "estimands", "compare", "simulate"),
    "figures": (*PAGES, "design/adequacy.py", "figures"),
    "tables": (*PAGES, "design", "mixed", "tables"),
    "manifest": (
        "config",
        "design",
        "fit",
        "instruments",
        "manifest.py",
        "plan.py",
        "reproduction/scripts.py",
        "reproduction/templates",
    ),
    "report": (*PAGES, "design", "mixed", "compare", "figures", "tables", "report", "ingest/issues.py"),
}
"""Sources by stage, besides `SHARED`: all that its functions import, directly or not."""
WHOLE_FILE = 1_000_000_000
END = 1_000_000


@cache
def fingerprint(stage: str, *more: Path) -> str:
    """Hash of a stage's sources, those of `more` folders, and of the libraries' versions (16 hexadecimal digits)."""
    digest = hashlib.sha256()
    for path in (*(PACKAGE / part for part in (*SHARED, *STAGES[stage])), *more):
        digest.update(_sources(path))
    for library, number in versions(LIBRARIES).items():
        digest.update(f"{library}={number}".encode())
    return digest.hexdigest()[:16]


@cache
def _sources(path: Path) -> bytes:
    """Hash of a file, or of the files in a folder with their names; several stages share it."""
    digest = hashlib.sha256()
    base = PACKAGE if path.is_relative_to(PACKAGE) else path.parent
    for file in sorted(path.rglob("*") if path.is_dir() else [path]):
        if file.is_file() and file.suffix != ".pyc":
            digest.update(file.relative_to(base).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.digest()


@cache
def versions(libraries: tuple[str, ...]) -> dict[str, str]:
    """Installed versions of libraries."""
    numbers = {}
    for library in libraries:
        try:
            numbers[library] = version(library)
        except PackageNotFoundError:
            numbers[library] = "not installed"
    return numbers


def checksum(path: str | Path) -> str:
    """SHA-256 of a file; over 1 GB of its size, date and first and last MB."""
    path = Path(path)
    size = path.stat().st_size
    digest = hashlib.sha256()
    with path.open("rb") as file:
        if size <= WHOLE_FILE:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
        else:
            digest.update(f"{size} {path.stat().st_mtime_ns}".encode() + file.read(END))
            file.seek(-END, 2)
            digest.update(file.read())
    return digest.hexdigest()
