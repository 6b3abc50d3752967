"""The one reader of a run's folder, for figures, tables, report and notebooks; what the run did not write is None."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, wraps
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd

from bowlby.config.labels import Wording
from bowlby.errors import UserError, problem
from bowlby.files import read_csv, read_json, read_mapping, read_parquet, read_part, unmarked
from bowlby.records import Claim, Comparison, Design, Fit, Verdict
from bowlby.run_marker import is_unfinished
from bowlby.schema import older_names, record_of_today, table_of_today

MODELS = ("primary", "m1b", "c4", "c5", "pair", "growth")
MAIN = ("primary", "pair", "growth")
T = TypeVar("T")


@dataclass(frozen=True)
class Results:
    """``results/<run>``; each file is read when it is first needed.

    Attributes
    ----------
    folder : Path
        The run's folder.
    """

    folder: Path

    def json(self, name: str) -> Any:
        """Read a JSON file of the run, or None; term names of older versions are translated."""
        path = self.folder / name
        if not path.is_file():
            return None
        record = read_json(path)
        return record_of_today(name, record) if self.older else record

    @cached_property
    def older(self) -> bool:
        """Whether a version wrote this run that had other names of terms (schema 1)."""
        return older_names(self.folder)

    def table(self, name: str) -> pd.DataFrame | None:
        """A Parquet or CSV file of the run with its types, or None."""
        path = self.folder / name
        if not path.is_file():
            return None
        table = read_parquet(path) if path.suffix == ".parquet" else read_csv(path)
        return table_of_today(name, table) if self.older else table

    def text_table(self, name: str) -> pd.DataFrame | None:
        """A CSV file of the run with every cell as text, read once, or None where there is none or it has no rows."""
        if (key := f"text of {name}") not in vars(self):
            path = self.folder / name
            table = unmarked(read_csv(path, dtype=str, keep_default_na=False)) if path.is_file() else pd.DataFrame()
            vars(self)[key] = None if table.empty else table
        return vars(self)[key]

    def yaml(self, name: str) -> dict:
        """A YAML file of the run; empty where there is none."""
        path = self.folder / name
        return read_mapping(path) if path.is_file() else {}

    @cached_property
    def manifest(self) -> dict:
        """``manifest.json``; empty where there is none."""
        return self.json("manifest.json") or {}

    @cached_property
    def config(self) -> dict:
        """The configuration as run; empty where it is not written down."""
        return self.yaml("config.yaml") or self.manifest.get("config") or {}

    @cached_property
    def study(self) -> dict:
        """The study file as run; empty where it is not written down."""
        return self.yaml("study.yaml")

    @cached_property
    def verdict(self) -> Verdict | None:
        """``verdict.json``."""
        record = self.json("verdict.json")
        return Verdict.of(record) if record else None

    @property
    def claims(self) -> Mapping[str, Claim]:
        """The claims by name; empty where none was examined."""
        return self.verdict.claims if self.verdict else {}

    @property
    def verdict_claims(self) -> Mapping[str, Any]:
        """The claims as ``verdict.json`` has them, by name; empty where none was examined."""
        return (self.verdict.source.get("claims") if self.verdict else None) or {}

    @cached_property
    def comparison(self) -> Comparison | None:
        """``comparison.json``."""
        record = self.json("comparison.json")
        return Comparison.of(record) if record else None

    @cached_property
    def fits(self) -> dict[str, Fit]:
        """The models' fits by name: those of the main analyses first, then the others in order of their names."""
        names = [path.stem for path in sorted((self.folder / "fits").glob("*.json"))]
        ordered = [name for name in MODELS if name in names] + [name for name in names if name not in MODELS]
        return {name: Fit.of(self.json(f"fits/{name}.json")) for name in ordered}

    @cached_property
    def designs(self) -> dict[str, Design]:
        """How each analysis set was made, by the set's name."""
        ending = ".design.json"
        names = [path.name.removesuffix(ending) for path in sorted((self.folder / "analysis").glob(f"*{ending}"))]
        return {name: Design.of(name, self.json(f"analysis/{name}{ending}")) for name in names}

    @cached_property
    def estimands(self) -> dict[str, dict]:
        """Records of the estimands by name."""
        names = [path.stem for path in sorted((self.folder / "estimands").glob("*.json"))]
        return {name: self.json(f"estimands/{name}.json") for name in names}

    @cached_property
    def scores(self) -> dict[str, pd.DataFrame]:
        """Scores by instrument, in order of their names."""
        return {path.stem: read_parquet(path) for path in sorted((self.folder / "scores").glob("*.parquet"))}

    @cached_property
    def scale_scores(self) -> dict[str, pd.DataFrame]:
        """Scale scores for figures and tables, with respondent, target and occasion as categories.

        It takes a third of the time and memory of :attr:`scores`.
        """
        paths = sorted((self.folder / "scores").glob("*.parquet"))
        tables = {path.stem: read_part(path, _figured, ("role", "about", "occasion")) for path in paths}
        return {name: table.assign(person=_categories(table["person"])) for name, table in tables.items()}

    def analysis_set(self, name: str) -> pd.DataFrame | None:
        """An analysis set by name, read once, or None."""
        key = f"analysis/{name}.parquet"
        if key not in vars(self):
            vars(self)[key] = self.table(key)
        return vars(self)[key]

    @property
    def occasions(self) -> list[str]:
        """The study's occasions in order."""
        return [o["id"] if isinstance(o, dict) else str(o) for o in self.study.get("occasions") or []]

    @property
    def title(self) -> str:
        """Title of the page."""
        return str(self.manifest.get("title") or self.config.get("title") or self.study.get("name") or self.folder.name)

    @property
    def synthetic(self) -> bool:
        """Whether the study is simulated."""
        return bool(self.manifest.get("synthetic") or self.study.get("synthetic"))

    @property
    def shareable(self) -> bool:
        """Whether no single patient may be shown; also where the run does not say."""
        return (self.manifest.get("privacy") or self.config.get("privacy") or "shareable") == "shareable"

    @cached_property
    def wording(self) -> Wording:
        """What patients and therapists are called; names of questionnaires and files, and the user's own, are kept."""
        if not self.config.get("words"):
            return Wording()
        named = [self.json(f"{name}.json") or {} for name in ("pair", "session_to_session")]
        kept = [
            self.title,
            self.study.get("name"),
            *(own for record in named for own in record.get("labels", {}).values()),
        ]
        kept += self.manifest.get("inputs") or {}
        for path in sorted((self.folder / "scores").glob("*.parquet")):
            name, citation = self.instrument(path.stem)
            kept += [name, name.partition(" (")[0], citation]
        return Wording.of(self.config, [str(name) for name in kept if name])

    @cached_property
    def unverified(self) -> list[str]:
        """Instruments whose key is not verified."""
        audit = self.text_table("keying_audit.csv")
        if audit is None:
            return []
        doubtful = (audit["check"] == "key_confidence") & (audit["verdict"] != "ok")
        return sorted(set(audit.loc[doubtful, "instrument"]))

    @cached_property
    def doubted(self) -> list[tuple[str, str]]:
        """Instruments whose answers do not fit the key or each other, with the parts of the data; empty for all."""
        audit = self.text_table("keying_audit.csv")
        if audit is None:
            return []
        bad = audit["verdict"].isin(["suspicious", "wrong"]) & (audit["check"] != "key_confidence")
        pairs = audit.loc[bad, ["instrument", "part"]].drop_duplicates()
        whole = set(pairs.loc[pairs["part"] == "", "instrument"])
        pairs = pairs[(pairs["part"] == "") | ~pairs["instrument"].isin(whole)]
        return [
            (name, "; ".join(filter(None, parts))) for name, parts in pairs.groupby("instrument", sort=False)["part"]
        ]

    def instrument(self, name: str) -> tuple[str, str | None]:
        """An instrument's name in full and its citation; the id alone where the study brings its own file."""
        from bowlby.instruments.catalogue import load_instrument

        if f"{name}.yaml" in (self.manifest.get("inputs") or {}):
            return f"{name} (the study's own key)", None
        try:
            instrument = load_instrument(name)
        except UserError:
            return name, None
        return instrument.name, instrument.citation

    def important_difference(self, name: str, scale: str) -> float | None:
        """The published smallest important difference of a scale, in its points; None where none is known."""
        from bowlby.instruments.catalogue import load_instrument

        if f"{name}.yaml" in (self.manifest.get("inputs") or {}):
            return None
        try:
            published = load_instrument(name).important_points
        except UserError:
            return None
        return next((entry.size for entry in published if entry.scale == scale), None)


def _figured(column: str) -> bool:
    """Whether figures and tables need a column of scores."""
    return column not in ("therapist", "date", "source") and not column.endswith(("_n", "_prorated"))


def _categories(texts: pd.Series) -> pd.Categorical:
    """Texts as categories in the order of their appearance."""
    return pd.Categorical.from_codes(*pd.factorize(texts))


def once(compute: Callable[[Results], T]) -> Callable[[Results], T]:
    """Cache a function's result in its :class:`Results`, as the files that it was computed from are."""

    @wraps(compute)
    def kept(results: Results) -> T:
        known, name = vars(results), compute.__qualname__
        if name not in known:
            known[name] = compute(results)
        return known[name]

    return kept


def load_results(folder: str | Path) -> Results:
    """Open the results of a run.

    Parameters
    ----------
    folder : path
        ``results/<run>``.

    Returns
    -------
    Results
        Reads each file when it is first needed; what the run did not write is None or empty. Runs of older versions
        are read with today's names of terms.

    Raises
    ------
    UserError
        If the folder is not one that bowlby wrote.

    Warns
    -----
    UserWarning
        If the last run in the folder did not finish.

    Notes
    -----
    What each file holds: ``docs/outputs.md``. Fits, verdict, claims, comparison and designs are the records of
    :mod:`bowlby.records`; any other file is read by ``run.json(name)`` or ``run.table(name)``.

    Examples
    --------
    >>> import bowlby
    >>> run = bowlby.load_results("results/example")
    >>> run.claims["C1"].verdict
    'supported'
    >>> both = run.fits["primary"].contrast({"perceived_within": 1, "therapist_style": 1})
    >>> both.p < 0.05
    True
    """
    folder, name = Path(folder), "name the folder of a run, such as results/example"
    if not folder.exists():
        raise UserError(problem(f"there is no run in {folder}", "make it with `make results`, or name another folder"))
    if not folder.is_dir():
        raise UserError(problem(f"{folder} is not a folder", name))
    if not (folder / "manifest.json").is_file() and not (folder / ".bowlby").is_file():
        raise UserError(problem(f"{folder} holds no run of bowlby", name))
    if is_unfinished(folder):
        what = f"the last run in {folder} did not finish, so that its files may come from different runs; run it again"
        warnings.warn(what, stacklevel=2)
    return Results(folder)
