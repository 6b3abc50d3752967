"""Snakemake's own report: every figure and table with its caption, and nothing of a patient."""

import re
import zipfile
from pathlib import Path

import pytest

from bowlby import figures, tables

ROOT = Path(__file__).parents[2]
CAPTIONS = ROOT / "workflow/report"


def test_every_figure_and_table_has_a_caption():
    assert {p.stem for p in (CAPTIONS / "figures").glob("*.rst")} == set(figures.PLOTS)
    assert {p.stem for p in (CAPTIONS / "tables").glob("*.rst")} == set(tables.NAMES)
    for path in CAPTIONS.glob("*/*.rst"):
        text = path.read_text("utf-8").strip()
        assert text.endswith(".") and 1 <= len(re.findall(r"\.(?=\s|$)", text)) <= 4, path.name


@pytest.fixture(scope="module")
def zipped(example, shell):
    config = ROOT / "config/config.yaml"
    ran = shell("bowlby", "run", config, "--", "--report", "results/example/snakemake-report.zip", cwd=example)
    assert ran.status == 0, ran.err
    with zipfile.ZipFile(example / "results/example/snakemake-report.zip") as file:
        return {name: file.read(name) for name in file.namelist()}


def test_report_of_snakemake_holds_what_was_made(zipped, example):
    held = {name.rsplit("/", 1)[1]: content for name, content in zipped.items()}
    folder = example / "results/example"
    made = [*(folder / "figures").glob("*.svg"), *(folder / "tables").glob("*.html")]
    made += [folder / "methods.md", folder / "issues.csv"]
    assert set(held) == {"report.html", *(p.name for p in made)}
    for path in made:
        assert held[path.name] == path.read_bytes()


def test_captions_and_categories_are_in_it(zipped):
    front = next(content for name, content in zipped.items() if name.count("/") == 1).decode("utf-8")
    for words in ("Figures", "Tables", "considered negligible", "may disagree", "Begin with the page"):
        assert words in front, words
