"""The words of ``vocabulary.yaml`` by which columns are recognised, and texts as they are compared with them."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from importlib import resources

import yaml

CAPITAL = re.compile(r"(?<=[a-zäöüß0-9])(?=[A-ZÄÖÜ][a-zäöü])|(?<=[a-zäöüß])(?=[A-ZÄÖÜ])|(?<=[A-Z]{2})(?=[A-Z][a-z]{2})")


@cache
def vocabulary() -> dict:
    """All word lists, by chapter."""
    return yaml.safe_load(resources.files("bowlby.drafting").joinpath("vocabulary.yaml").read_text("utf-8"))


@cache
def listed(*path: str) -> tuple[str, ...]:
    """The words of one list of ``vocabulary.yaml``, in its order."""
    entry = vocabulary()
    for key in path:
        entry = entry[key]
    parts = [entry] if isinstance(entry, str) else entry
    return tuple(w.strip().strip('"') for part in parts for w in str(part).split(",") if w.strip())


@cache
def keyed(name: str) -> dict[str, tuple[str, ...]]:
    """The lists of one chapter of ``vocabulary.yaml``, by key."""
    return {key: tuple(e) if isinstance(e, list) else listed(name, key) for key, e in vocabulary()[name].items()}


@cache
def graded_answers() -> tuple[tuple[frozenset[str], ...], ...]:
    """Families of answers in words, each from the lowest to the highest, with the ways of saying one."""
    return tuple(tuple(frozenset(e.strip() for e in step.split("|")) for step in line.split(","))
                 for line in vocabulary()["answers"])  # fmt: skip


def words(name: str) -> list[str]:
    """The words of a column name in small letters: `PatientID_2` is patient, id."""
    return [w.lower() for w in re.findall(r"[^\W\d_]+", spaced(unicodedata.normalize("NFKC", name)))]


def spaced(name: str) -> str:
    """A name with a blank where a capital begins a word: `phq9TotalPre` is phq9 Total Pre, `PHQTotal` PHQ Total."""
    return CAPITAL.sub(" ", name)


def bare(text: str) -> str:
    """A text as letters and digits only, small."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", text)).lower()
