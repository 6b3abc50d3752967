"""The notebooks run on a finished run, and say what they promise."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parents[2]
SAYS = {
    "explore": "the data support the claim",
    "mixed_model": "the same estimates as in the run: True",
    "own_question": "117 of 117 numbers agree",
    "planning": "smallest detectable slopes of style",
    "scoring": "error: frame:",
}
SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in SAYS if name != "explore"]


@pytest.mark.parametrize("name", ["explore", *SLOW])
def test_notebook_runs(name, example, monkeypatch):
    monkeypatch.setenv("BOWLBY_RESULTS", str(example / "results/example"))
    notebook = nbformat.read(ROOT / f"notebooks/{name}.ipynb", as_version=4)
    assert all(not cell.get("outputs") for cell in notebook.cells), "commit notebooks without outputs"
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute(cwd=str(ROOT))
    text = "".join(o.get("text", "") for cell in notebook.cells for o in cell.get("outputs", []))
    assert SAYS[name] in text


def test_every_notebook_is_tested():
    assert sorted(SAYS) == sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))
