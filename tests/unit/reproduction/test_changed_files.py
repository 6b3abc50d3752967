"""A run whose files were changed is not passed on; one without data is not said to be reproduced."""

import pytest
import typer
from typer.testing import CliRunner

from bowlby.cli.commands import verify as command
from bowlby.errors import UserError
from bowlby.files import write_json
from bowlby.reproduction.checksums import changed_files, write_checksums
from bowlby.reproduction.frozen import endpoints, freeze
from bowlby.reproduction.share import share
from bowlby.reproduction.verify import verify
from bowlby.results import Results

CLAIM = {"verdict": "inconclusive", "qualified": False, "fragile": None, "estimate": 0.206, "ci": [0.1, 0.3], "df": 9.0,
         "p": 0.01, "bound": 0.0, "reasons": [], "flags": []}  # fmt: skip


@pytest.fixture
def run(tmp_path):
    """A shareable run of which only records without data of patients are there."""
    folder = tmp_path / "run"
    folder.mkdir()
    config = {"run": "run", "study": "study.yaml"}
    write_json(folder / "manifest.json", {"privacy": "shareable", "config": config})
    claims = {"C1": CLAIM | {"not_tested": False}, "C5": CLAIM | {"not_tested": True, "estimate": None}}
    write_json(folder / "verdict.json", {"claims": claims})
    write_json(folder / "comparison.json", {"delta": 0.1})
    write_checksums(folder)
    return folder


@pytest.mark.parametrize("passed_on", [freeze, lambda run: share(run, run.folder.parent / "run.zip")])
def test_files_that_were_changed_are_named_and_nothing_is_written(run, passed_on):
    text = (run / "verdict.json").read_text("utf-8")
    (run / "verdict.json").write_text(text.replace("0.206", "0.306"), "utf-8")
    (run / "comparison.json").unlink()
    assert changed_files(run) == (["comparison.json"], ["verdict.json"])
    with pytest.raises(UserError) as caught:
        passed_on(Results(run))
    one, other = caught.value.problems
    assert "comparison.json: the file is missing" in one and "verdict.json: the file was altered since the run" in other
    assert all("run the study again" in line for line in (one, other)) and not list(run.parent.glob("*.zip"))


def test_without_data_only_checksums_are_compared(run):
    app = typer.Typer()
    app.command()(command)
    found = verify(run)
    assert found.good and not found.computed and found.numbers == 0
    shown = CliRunner().invoke(app, [str(run)])
    assert shown.exit_code == 1 and "no number was recomputed" in shown.output and "reproduced" not in shown.output
    (run / "verdict.json").write_text("{}", "utf-8")
    shown = CliRunner().invoke(app, [str(run)])
    assert shown.exit_code == 3 and "verdict.json: altered since the run" in shown.output


def test_a_claim_that_was_not_tested_is_frozen_as_that(run):
    found = endpoints(Results(run))
    assert found["verdict.json claims.C5.not_tested"] is True and found["verdict.json claims.C1.not_tested"] is False
