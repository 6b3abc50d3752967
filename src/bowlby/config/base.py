"""The base of all configuration models, and their errors as lines for the reader."""

from __future__ import annotations

import difflib
from typing import TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from bowlby.config.yamlfile import Document
from bowlby.errors import Place, UserError, problem


class Model(BaseModel):
    """Unknown keys are errors; values do not change after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False)


M = TypeVar("M", bound=Model)


def parse(document: Document, model: type[M]) -> M:
    """Validate a document.

    Raises
    ------
    UserError
        One line for each problem, with file, line and key.
    """
    try:
        return model.model_validate(document.data)
    except ValidationError as error:
        raise UserError([_line(document, model, e) for e in error.errors()]) from None


def _line(document: Document, model: type[Model], error: dict) -> str:
    location = tuple(error["loc"])
    keys = tuple(part for part in location if (*location[: location.index(part)], part) in document.lines)
    key = ".".join(str(part) for part in location)
    place = Place(document.path.name, document.line(location) or document.line(keys))
    kind = error["type"]
    if kind == "extra_forbidden":
        known = _known_keys(model, location[:-1])
        near = difflib.get_close_matches(str(location[-1]), known, n=1)
        do = f"did you mean '{near[0]}'?" if near else f"known keys here: {', '.join(known) or 'none'}"
        return problem(f"unknown key '{key}'", do, place)
    if kind == "missing":
        return problem(f"key '{key}' is missing", "add it (config/README.md lists every key)", place)
    what = error["msg"].removeprefix("Value error, ").rstrip(".")
    what = what[:1].lower() + what[1:]
    if kind == "value_error" and "; " in what:
        what, _, do = what.partition("; ")
        return problem(f"{key}: {what}" if key else what, do, place)
    return problem(f"{key}: {what}" if key else what, "correct the value", place)


def _known_keys(model: type[Model], location: tuple) -> list[str]:
    """The keys that a model declares at a location."""
    current = [model]
    for part in location:
        if isinstance(part, int) or any(part in m.model_fields for m in current):
            fields = [m.model_fields[part] for m in current if part in m.model_fields] or []
            if fields:
                current = [found for f in fields for found in _models(f.annotation)]
    return sorted({name for m in current for name in m.model_fields})


def _models(annotation) -> list[type[Model]]:
    if isinstance(annotation, type) and issubclass(annotation, Model):
        return [annotation]
    return [found for inner in get_args(annotation) for found in _models(inner)]
