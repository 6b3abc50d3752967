"""Lines on a terminal and elsewhere; the list of scenarios."""

import io

from bowlby.cli.terminal import show, wrapped
from bowlby.simulate.scenarios import explained

LINE = "error: a/long/path/b.csv:3:id: a name is missing in this row; fill it in"


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_lines_wrap_between_words_and_are_indented():
    assert wrapped(LINE, 40).splitlines() == [
        "error: a/long/path/b.csv:3:id: a name is",
        "  missing in this row; fill it in",
    ]


def test_colour_is_for_terminals_only(monkeypatch, capsys):
    show([LINE])
    assert capsys.readouterr().out == f"{LINE}\n"
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr("sys.stdout", terminal := Terminal())
    show([LINE])
    assert terminal.getvalue() == f"\x1b[1;31merror\x1b[0m{LINE.removeprefix('error')}\n"


def test_scenarios_are_explained_in_80_columns():
    lines = explained().splitlines()
    assert max(map(len, lines)) <= 80
    assert "S3       P = 0.05  T = 0.2   claims C1 C4 C5" in lines
    assert "S6       P = 0     T = 0     claims C1? C2? C3 C4 C5" in lines
