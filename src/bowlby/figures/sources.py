"""A run's files as the figures read them; what the run did not write is None."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from bowlby.config.words import Wording
from bowlby.files import read_json


@dataclass(frozen=True)
class Sources:
    """``results/<run>``, read when asked for.

    Attributes
    ----------
    folder : Path
        The run's folder.
    """

    folder: Path

    def json(self, name: str) -> Any:
        """A JSON file of the run, or None."""
        path = self.folder / name
        return read_json(path) if path.is_file() else None

    def parquet(self, name: str) -> pd.DataFrame | None:
        """A Parquet file of the run, or None."""
        path = self.folder / name
        return pd.read_parquet(path) if path.is_file() else None

    def csv(self, name: str) -> pd.DataFrame | None:
        """A CSV file of the run, or None."""
        path = self.folder / name
        return pd.read_csv(path) if path.is_file() else None

    @cached_property
    def manifest(self) -> dict:
        """``manifest.json``; empty where there is none."""
        return self.json("manifest.json") or {}

    @cached_property
    def run(self) -> dict:
        """The configuration as run; empty where it is not written down."""
        return self._yaml("config.yaml") or self.manifest.get("config") or {}

    @cached_property
    def study(self) -> dict:
        """The study file as run; empty where it is not written down."""
        return self._yaml("study.yaml")

    @property
    def wording(self) -> Wording:
        """What patients and therapists are called; labels and titles of the user's own stay."""
        pair = self.run.get("pair") or {}
        return Wording.of(self.run, [(pair.get(side) or {}).get("label") or "" for side in ("first", "second")])

    @property
    def shareable(self) -> bool:
        """Whether no single patient may be shown; so too where the run does not say."""
        return (self.manifest.get("privacy") or self.run.get("privacy") or "shareable") == "shareable"

    @cached_property
    def scores(self) -> dict[str, pd.DataFrame]:
        """Scores by instrument, in order of their names."""
        return {path.stem: pd.read_parquet(path) for path in sorted((self.folder / "scores").glob("*.parquet"))}

    @property
    def occasions(self) -> list[str]:
        """The study's occasions in order."""
        return [o["id"] if isinstance(o, dict) else str(o) for o in self.study.get("occasions") or []]

    def _yaml(self, name: str) -> dict:
        path = self.folder / name
        content = yaml.safe_load(path.read_text("utf-8")) if path.is_file() else None
        return content if isinstance(content, dict) else {}
