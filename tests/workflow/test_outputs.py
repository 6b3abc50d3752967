"""docs/outputs.md names every file of a run."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs/outputs.md"
NOT_OF_THE_EXAMPLE = (
    "clinical_change.json",
    "suicidal_ideation.json",
    "style_transitions.json",
    "mediation.json",
    "moderation.json",
    "response_surface.json",
    "session_to_session.json",
    "domains.json",
    "growth.json",
    "pair.json",
    "robustness/shards/",
    "logs/robustness/",
    "benchmarks/robustness/",
    "snakemake-report.zip",
)


def patterns() -> list[str]:
    cells = [line.split("|")[1] for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| `")]
    return [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]


def test_every_file_of_the_example_is_described(example):
    folder = example / "results/example"
    files = [p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()]
    described = {name: re.compile(re.sub(r"<\w+>", "[^/]+", name.replace(".", r"\."))) for name in patterns()}
    left = [f for f in files if not any(pattern.fullmatch(f) for pattern in described.values())]
    assert left == []
    empty = [name for name, pattern in described.items() if not any(map(pattern.fullmatch, files))]
    assert [name for name in empty if not name.startswith(NOT_OF_THE_EXAMPLE)] == []
