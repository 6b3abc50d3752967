"""Write the JSON schemas and ``config/README.md`` from the configuration models (``make docs``)."""

from __future__ import annotations

import ast
import inspect
import itertools
import textwrap
import types
from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from bowlby.config.base import Model
from bowlby.config.run import Run
from bowlby.config.study import Study
from bowlby.files import to_json, write_text
from bowlby.instruments.model import Instrument

DRAFT = "https://json-schema.org/draft/2020-12/schema"
HEAD = """# Configuration: every key

Generated from the models in `src/bowlby/config` and `src/bowlby/instruments`; do not edit (`make docs` writes it).

- `config.yaml`: one run: which study, which question.
- `study.yaml`: where the study's files are, and what their columns mean.
- `instruments/<id>.yaml`: your own questionnaires, or your version of one of the library's.
- `local/`: the place for your own configurations; ignored by git.

Paths are relative to the file that contains them; `results` is relative to the current folder.
"""


def generated() -> dict[str, str]:
    """File name under ``config/``: text."""
    models: dict[str, type[Model]] = {"run": Run, "study": Study, "instrument": Instrument}
    for model in models.values():
        _describe(model)
    files = {
        f"schemas/{name}.json": to_json({"$schema": DRAFT} | model.model_json_schema())
        for name, model in models.items()
    }
    pages: dict[str, type[Model]] = {"config.yaml": Run, "study.yaml": Study, "instruments/<id>.yaml": Instrument}
    return files | {"README.md": HEAD + "".join(_section(file, model) for file, model in pages.items())}


@cache
def _describe(model: type[Model]) -> None:
    """Give each field of a model, and of those that it holds, the text below it in the source as its description.

    Pydantic could do so whenever the models are imported, and every job and command would wait for it.
    """
    texts: dict[str, str] = {}
    for base in reversed(model.__mro__[: model.__mro__.index(Model)]):
        texts |= _texts(base)
    for name, info in model.model_fields.items():
        info.description = texts.get(name)
        for inner in _models(info.annotation):
            _describe(inner)
    model.model_rebuild(force=True)


def _texts(model: type) -> dict[str, str]:
    """By field, the text below it in the source."""
    definition = ast.parse(textwrap.dedent(inspect.getsource(model))).body[0]
    found = {}
    for field, text in itertools.pairwise(definition.body if isinstance(definition, ast.ClassDef) else []):
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
            found[ast.unparse(field.target)] = inspect.cleandoc(str(text.value.value))
    return found


def _section(file: str, model: type[Model]) -> str:
    lines, queue, seen = [f"\n## {file}\n"], [("", model)], set()
    while queue:
        prefix, current = queue.pop(0)
        if current in seen:
            continue
        seen.add(current)
        doc = (current.__doc__ or "").strip()
        title = f"`{prefix}`: {doc}" if prefix else doc
        lines += [f"\n### {title}\n", "| key | what | values | default |", "|---|---|---|---|"]
        for name, info in current.model_fields.items():
            lines.append(
                f"| `{name}` | {_cell(info.description or '')} | {_cell(_values(info.annotation))} | {_default(info)} |"
            )
            queue += [(f"{prefix}.{name}".lstrip("."), inner) for inner in _models(info.annotation)]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _values(annotation) -> str:
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return ", ".join(f"`{v}`" for v in inner)
    if origin in (Union, types.UnionType):
        return " or ".join(_values(a) for a in inner if a is not type(None))
    if origin is Annotated:
        return _values(inner[0])
    if origin is list:
        return f"list of {_values(inner[0])}"
    if origin is tuple:
        return f"list of {len(inner)} {_values(inner[0])}"
    if origin is dict:
        return f"map to {_values(inner[1])}"
    if isinstance(annotation, type) and issubclass(annotation, Model):
        return "block"
    plain = {str: "text", float: "number", int: "whole number", bool: "true or false", date: "date (2025-03-01)"}
    return plain[annotation]


def _default(info: FieldInfo) -> str:
    if info.is_required():
        return "**required**"
    value = info.get_default(call_default_factory=True)
    if isinstance(value, tuple):
        return f"`[{', '.join(map(str, value))}]`"
    return (
        ""
        if value in (None, "", [], {}, PydanticUndefined)
        else f"`{str(value).lower() if value is True or value is False else value}`"
    )


def _models(annotation) -> list[type[Model]]:
    if isinstance(annotation, type) and issubclass(annotation, Model):
        return [annotation]
    return [m for a in get_args(annotation) for m in _models(a)]


if __name__ == "__main__":
    for name, text in generated().items():
        write_text(Path(__file__).parents[1] / "config" / name, text)
