"""YAML as text: every scalar stays what was typed, and every key knows its line.

YAML 1.1 turns ``no`` into False, ``12:30`` into 750 and ``01`` into 1. Names and ids must not change, so scalars
are read as text and pydantic turns into numbers and truth values only what a field declares as such.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from bowlby.errors import Place, UserError, problem
from bowlby.files import FAST

NULLS = {"", "~", "null"}
MAX_BYTES = 5_000_000
DEEP = ("the file is nested too deeply", "a configuration is a few blocks deep; check brackets and indentation")
UNWRITABLE = re.compile("[\0\ud800-\udfff]")
PLAIN = re.compile(r"[A-Za-zÀ-ɏ][\wÀ-ɏ.-]*")
WORDS = {"yes", "no", "on", "off", "true", "false", "null", "y", "n"}


def quoted(text: str) -> str:
    """A scalar as YAML."""
    return text if PLAIN.fullmatch(text) and text.lower() not in WORDS else json.dumps(text, ensure_ascii=False)


@dataclass
class Document:
    """A YAML file as plain Python (dict, list, str, None) and the line of each key path."""

    path: Path
    data: dict[str, Any]
    lines: dict[tuple, int] = field(default_factory=dict)

    def line(self, location: tuple) -> int | None:
        """The line of a key path, or of the nearest parent that the file holds."""
        for end in range(len(location), -1, -1):
            if location[:end] in self.lines:
                return self.lines[location[:end]]
        return None


def read_yaml(path: str | Path) -> Document:
    """Read one YAML file.

    Raises
    ------
    UserError
        If the file is absent, is not YAML, repeats a key, or is not a mapping.
    """
    path = Path(path)
    place = Place(path.name)
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise UserError(problem("no such file", f"check the path {path}", place)) from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "its name is none"
        raise UserError(problem(f"cannot be opened ({why})", f"check the path {path}", place)) from None
    if len(raw) > MAX_BYTES:
        raise UserError(problem("larger than 5 MB", "a configuration is small; check the path", place))
    try:
        text = raw.decode("utf-8-sig")
        node = _composed(text)
    except UnicodeDecodeError:
        raise UserError(problem("not UTF-8 text", "save it as UTF-8", place)) from None
    except RecursionError:
        raise UserError(problem(*DEEP, place)) from None
    except yaml.reader.ReaderError as error:
        row = text.count("\n", 0, error.position) + 1
        code = error.character if isinstance(error.character, int) else ord(error.character)
        what = f"holds the character U+{code:04X}, which YAML does not allow"
        raise UserError(problem(what, "delete it there", Place(path.name, row))) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        at = Place(path.name, mark.line + 1 if mark else None)
        what = getattr(error, "problem", None) or "cannot be read as YAML"
        raise UserError(problem(f"not YAML ({what})", "check indentation and quotes there", at)) from None
    if not isinstance(node, yaml.MappingNode):
        raise UserError(problem("holds no keys", "write `key: value` lines", place))
    document = Document(path, {})
    problems: list[str] = []
    try:
        document.data = _build(node, (), document.lines, problems, path.name, set())
    except RecursionError:
        raise UserError(problem(*DEEP, place)) from None
    if problems:
        raise UserError(problems)
    return document


def _composed(text: str) -> yaml.Node | None:
    """The nodes of a text, by libyaml; what that refuses is read again by the loader whose errors name the place."""
    try:
        return yaml.compose(text, Loader=FAST)
    except yaml.YAMLError:
        return yaml.compose(text, Loader=yaml.SafeLoader)


def _build(node, location: tuple, lines: dict, problems: list[str], name: str, open_nodes: set[int]) -> Any:
    lines.setdefault(location, node.start_mark.line + 1)
    if isinstance(node, yaml.ScalarNode):
        plain = not node.style  # None or "", by loader
        if UNWRITABLE.search(node.value):
            what = "a value holds a NUL or half a character, which no file can hold"
            problems.append(problem(what, "delete it", Place(name, lines[location])))
        return None if plain and node.value in NULLS else node.value
    if id(node) in open_nodes:
        problems.append(problem("an alias contains itself", "write the block out", Place(name, lines[location])))
        return None
    open_nodes = open_nodes | {id(node)}
    if len(lines) > 100_000:
        raise UserError(problem("too many entries", "aliases expand without end; write the blocks out", Place(name)))
    if isinstance(node, yaml.SequenceNode):
        return [_build(child, (*location, i), lines, problems, name, open_nodes) for i, child in enumerate(node.value)]
    result: dict[str, Any] = {}
    for key_node, value_node in node.value:
        row = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            problems.append(problem("a key is not a word", "write `key: value`", Place(name, row)))
            continue
        key = key_node.value
        if UNWRITABLE.search(key):
            what = "a key holds a NUL or half a character, which no file can hold"
            problems.append(problem(what, "delete it", Place(name, row)))
        if key in result:
            problems.append(problem(f"key '{key}' occurs twice", "keep one of them", Place(name, row)))
        lines[(*location, key)] = row
        result[key] = _build(value_node, (*location, key), lines, problems, name, open_nodes)
    return result
