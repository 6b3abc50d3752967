"""The guesses of a draft that are left in a run's file and its study file."""

from __future__ import annotations

import re
from pathlib import Path

MARK = "# ?"
UNSURE = "uncertain: "
"""How the mark of an uncertain guess begins."""


def marks(config: Path) -> list[tuple[str, int, str]]:
    """The guesses that are left in a run's file and its study file: file, line, what to check; uncertain ones first."""
    config = Path(config)
    found: list[tuple[str, int, str]] = []
    lines = config.read_text("utf-8").splitlines() if config.is_file() else []
    study = next((m[1] for line in lines if (m := re.match(r"study:\s*[\"']?([^\"'#]+?)[\"']?\s*(#|$)", line))), None)
    for path in (config, config.parent / study if study else config):
        texts = path.read_text("utf-8").splitlines() if path.is_file() and (path != config or not found) else []
        for number, line in enumerate(texts, 1):
            _, mark, what = line.partition(MARK)
            if mark and what[:1] in ("", " "):
                found.append((path.name, number, what.strip() or "a guess"))
    return sorted(dict.fromkeys(found), key=lambda guess: not guess[2].startswith(UNSURE))
