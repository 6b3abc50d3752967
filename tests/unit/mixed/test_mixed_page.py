"""docs/mixed.md: its Python examples print what they say, and its numbers are those of the benchmarks."""

import doctest
import re
import warnings
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "mixed.md").read_text()


def test_every_python_example_prints_what_the_page_says(monkeypatch, capsys):
    """statsmodels' too. Numbers may differ in the last digit printed."""
    monkeypatch.chdir(ROOT)
    blocks, globs = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL), {}
    runner = doctest.DocTestRunner(checker=_LastDigit(), optionflags=doctest.NORMALIZE_WHITESPACE, verbose=False)
    options = [
        part
        for name in ("float_format", "width", "max_columns")
        for part in (f"display.{name}", pd.get_option(f"display.{name}"))
    ]
    with pd.option_context(*options), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number, block in enumerate(blocks, 1):
            example = doctest.DocTestParser().get_doctest(block, globs, f"block {number}", "docs/mixed.md", 0)
            assert runner.run(example, clear_globs=False).failed == 0, capsys.readouterr().out
            globs.update(example.globs)
    assert runner.tries > 50
    assert len(re.findall("^### ", PAGE, re.MULTILINE)) == 10


class _LastDigit(doctest.OutputChecker):
    """Equal but for one unit in the last digit of the numbers, which another BLAS may round otherwise."""

    def check_output(self, want, got, optionflags):
        number = r"-?\d+\.\d+(?:e[-+]\d+)?"
        if super().check_output(re.sub(number, "#", want), re.sub(number, "#", got), optionflags):
            return all(
                abs(float(a) - float(b)) <= 1.01 * 10.0 ** -len(a.split(".")[1].split("e")[0]) * _power(a)
                for a, b in zip(re.findall(number, want), re.findall(number, got), strict=True)
            )
        return super().check_output(want, got, optionflags)


def _power(text):
    return 10.0 ** int(text.split("e")[1]) if "e" in text else 1.0


def test_speed_and_accuracy_are_those_of_the_benchmarks():
    results = (ROOT / "benchmarks" / "mixed" / "results.md").read_text().splitlines()
    accuracy = (ROOT / "benchmarks" / "mixed" / "accuracy.md").read_text()
    rows = PAGE.split("| work | lme4 | bowlby |")[1].split("\n\n")[0].splitlines()[2:]
    assert len(rows) == 7
    for row in rows:
        work, lme4, own = re.split(r" \| ", row.strip("| "))
        assert any(line.startswith(f"| {work} |") and f"| {lme4} | {own} |" in line for line in results), row
    designs = accuracy.split("## Designs of the reference set")[1].split("## Small sets")[0]
    rows = PAGE.split("| quantity | limit | worst")[1].split("\n\n")[0].splitlines()[2:]
    for row in rows:
        quantity, limit, worst = (cell.strip() for cell in row.strip("| ").split("|"))
        start = f"| {quantity.split(' (')[0]} | {limit} |"
        cells = next(line for line in designs.splitlines() if line.startswith(start))
        assert max(float(cell) for cell in cells.split("|")[3:-1] if cell.strip()) == float(worst), row
    compared, beyond = re.search(r"(\d+) numbers compared, (\d+) beyond", accuracy).groups()
    assert f"{int(compared):,} numbers" in PAGE and beyond == "0"
