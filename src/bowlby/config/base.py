"""The base of all configuration models, and their errors as lines for the reader."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from bowlby.config.yamlfile import Document
from bowlby.errors import Place, UserError, problem

ADD = "add it (config/README.md lists every key)"
SHAPES = {"string_type", "list_type", "dict_type", "model_type", "tuple_type"}
WORDS = {
    "string_type": "is not one word or text",
    "list_type": "is not a list",
    "tuple_type": "is not a list",
    "int_parsing": "is not a whole number",
    "int_from_float": "is not a whole number",
    "float_parsing": "is not a number",
    "bool_parsing": "is neither true nor false",
    "date_type": "is not a date such as 2025-03-01",
    "date_parsing": "is not a date such as 2025-03-01",
    "date_from_datetime_parsing": "is not a date such as 2025-03-01",
    "string_too_short": "is empty",
}


class Invalid(ValueError):
    """A value that a model refuses: what is wrong with it, and what to do."""

    def __str__(self) -> str:
        return "; ".join(self.args)


class Model(BaseModel):
    """Unknown keys are errors; values do not change after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, defer_build=True)


M = TypeVar("M", bound=Model)


def parse(document: Document, model: type[M]) -> M:
    """Validate a document.

    Raises
    ------
    UserError
        One line for each problem, with file, line and key, in the order of the file.
    """
    try:
        return model.model_validate(document.data)
    except ValidationError as error:
        errors = _without_echoes(_without_branches(document, error.errors()), model)
        numbered = [(_row(document, e) or 0, _line(document, model, e)) for e in errors]
        raise UserError([line for _, line in sorted(numbered, key=lambda pair: pair[0])]) from None


def _without_branches(document: Document, errors: Sequence[Mapping[str, Any]]) -> list[dict]:
    """One error where a value may have several forms: what is wrong with the form that it has, not with the others."""
    by_place: dict[tuple, list[dict]] = {}
    for e in errors:
        loc = tuple(e["loc"])
        known = [i for i in range(len(loc) + 1) if loc[:i] in document.lines][-1]
        form = known < len(loc) - (e["type"] in ("missing", "extra_forbidden"))
        at = loc[:known] if form else loc
        plain = {**e, "loc": (*at, *loc[known + 1 :]) if form else loc, "form": form}
        by_place.setdefault(at if form else (*loc, e["type"]), []).append(plain)
    kept = []
    for at, same in by_place.items():
        inner = [e for e in same if e["type"] not in SHAPES or len(e["loc"]) > len(at)]
        if len(same) > 1 and same[0]["form"]:
            same = inner or [same[0] | {"type": "form", "msg": "has a form that is not known here"}]
        kept += same
    return kept


def _without_echoes(errors: list[dict], model: type[Model]) -> list[dict]:
    """Errors without the absence of a key that stands there misspelt."""
    meant = {
        (*e["loc"][:-1], near[0])
        for e in errors
        if e["type"] == "extra_forbidden" and (near := _near(model, tuple(e["loc"])))
    }
    return [e for e in errors if e["type"] != "missing" or tuple(e["loc"]) not in meant]


def _near(model: type[Model], location: tuple) -> list[str]:
    return difflib.get_close_matches(str(location[-1]), _known_keys(model, location[:-1]), n=1)


def _row(document: Document, error: dict) -> int | None:
    return document.line(tuple(error["loc"]))


def _line(document: Document, model: type[Model], error: dict) -> str:
    location = tuple(error["loc"])
    key = ".".join(str(part) for part in location)
    place, kind = Place(document.path.name, _row(document, error)), error["type"]
    if kind == "extra_forbidden":
        near, known = _near(model, location), ", ".join(_known_keys(model, location[:-1]))
        return problem(
            f"unknown key '{key}'",
            f"did you mean '{near[0]}'?" if near else f"known keys here: {known or 'none'}",
            place,
        )
    if kind == "missing":
        if isinstance(location[-1], int):
            return problem(f"{key.rpartition('.')[0]}: has too few values", "give all of them", place)
        return problem(f"key '{key}' is missing", ADD, place)
    what, do = _said(error, _known_keys(model, location))
    if not location:  # a rule between blocks names the key that it is about
        named = tuple(re.split(r"[: ]", what.strip("`"), maxsplit=1)[0].split("."))
        place = Place(document.path.name, document.line(named))
    return problem(f"{key}: {what}" if key else what, do, place)


def _said(error: dict, known: list[str]) -> tuple[str, str]:
    """What is wrong with a value, and what to do."""
    kind, correct = error["type"], "correct the value"
    if kind == "value_error" and isinstance(fault := error["ctx"]["error"], Invalid):
        what, do = fault.args
        return what, do
    if error.get("input") is None and kind in WORDS:
        return "is empty", "fill it in, or delete the key"
    if kind in WORDS:
        return WORDS[kind], "write it as a list: [a, b]" if WORDS[kind] == "is not a list" else correct
    if kind in ("model_type", "dict_type"):
        return "is not a block", f"write `{{key: value}}`; keys here: {', '.join(known)}" if known else correct
    if kind == "literal_error" and isinstance(given := error["input"], str):
        near = difflib.get_close_matches(given, re.findall("'([^']+)'", error["ctx"]["expected"]), n=1)
        return f"'{given}' should be {error['ctx']['expected']}", f"did you mean '{near[0]}'?" if near else correct
    what = error["msg"].removeprefix("Value error, ").rstrip(".")
    what = what.replace("Input should", "should", 1)
    what = what[:1].lower() + what[1:]
    return what, correct


def _known_keys(model: type[Model], location: tuple) -> list[str]:
    """The keys that a model declares at a location."""
    current = [model]
    for part in location:
        if isinstance(part, int) or any(part in m.model_fields for m in current):
            fields = [m.model_fields[part] for m in current if part in m.model_fields] or []
            if fields:
                current = [inner for f in fields for inner in _models(f.annotation)]
    return sorted({name for m in current for name in m.model_fields})


def _models(annotation) -> list[type[Model]]:
    if isinstance(annotation, type) and issubclass(annotation, Model):
        return [annotation]
    return [model for inner in get_args(annotation) for model in _models(inner)]
