"""Lines for the reader: wrapped and coloured on a terminal, one problem a line elsewhere."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterable

COLOURS = {"error": "bold red", "warning": "yellow", "note": "cyan"}


def show(lines: Iterable[str], *, err: bool = False) -> None:
    """Print lines; on a terminal they are wrapped to its width, and the severity they begin with is coloured.

    Parameters
    ----------
    lines : iterable of str
        Each may begin with ``error:``, ``warning:`` or ``note:``.
    err : bool
        Whether to print to standard error.
    """
    stream = sys.stderr if err else sys.stdout
    if not stream.isatty():
        stream.writelines(f"{line}\n" for line in lines)
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(file=stream, highlight=False)
    for line in lines:
        text = Text(wrapped(line, console.width))
        severity = line.partition(":")[0]
        if severity in COLOURS:
            text.stylize(COLOURS[severity], 0, len(severity))
        console.print(text, soft_wrap=True)


def wrapped(line: str, width: int) -> str:
    """A line broken between words, its further lines indented; paths and ids are not broken."""
    return textwrap.fill(line, width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
