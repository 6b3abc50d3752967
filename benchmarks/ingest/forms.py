"""One million forms of nine items, in the steps that speed.py times.

    python benchmarks/ingest/forms.py make|measures|scores FOLDER

`make` writes the CSV file, `measures` reads it to checked tables, and `scores` makes scores of these with reliability
and the audit of keys.
"""

from __future__ import annotations

import sys
from pathlib import Path

from run import RUN, STUDY, piece

ROWS = 1_000_000


def make(folder: Path) -> None:
    """The raw file and the configuration."""
    piece(0, ROWS).to_csv(folder / "forms.csv", index=False)
    (folder / "study.yaml").write_text(STUDY % "forms.csv", "utf-8")
    (folder / "run.yaml").write_text(RUN, "utf-8")


def measures(folder: Path) -> None:
    from bowlby import stages
    from bowlby.config import load

    stages.ingest(load(folder / "run.yaml"), Path("forms"))


def scores(folder: Path) -> None:
    from bowlby import stages
    from bowlby.config import load

    stages.score(load(folder / "run.yaml"), Path("forms"), ["phq9"])


if __name__ == "__main__":
    {"make": make, "measures": measures, "scores": scores}[sys.argv[1]](Path(sys.argv[2]))
