"""Reading and writing of results: whole files or none, and the same bytes for the same content."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml

from bowlby.errors import RECOMPUTE, Place, UserError, problem

if TYPE_CHECKING:
    import pandas as pd

FAST = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
FORMULA = ("=", "+", "-", "@", "\t", "\r")
TEMPORARY = re.compile(r"\..+\.\d+(\.\w+)?")


def sweep(folder: str | Path) -> list[Path]:
    """Remove the temporary files that killed jobs left in a folder; no job may be at work in it."""
    left = [path for path in Path(folder).rglob(".*") if TEMPORARY.fullmatch(path.name) and path.is_file()]
    for path in left:
        path.unlink(missing_ok=True)
    return left


def atomic(path: str | Path, write: Callable[[Path], object]) -> Path:
    """Call ``write`` with a temporary name in its folder, then rename: a killed job leaves no half-written file."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}{path.suffix}")
    try:
        write(temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def plain(value: Any) -> Any:
    """A value as JSON knows it; what does not exist (NaN, NA, infinity) becomes None."""
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    import pandas as pd

    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Path):
        return str(value)
    return value


def to_json(value: Any) -> str:
    """JSON text: sorted keys, UTF-8, full precision, no NaN."""
    return json.dumps(plain(value), sort_keys=True, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def write_text(path: str | Path, text: str) -> Path:
    """Write UTF-8 text with Unix line ends."""
    return atomic(path, lambda p: p.write_bytes(text.encode("utf-8")))


def write_json(path: str | Path, value: Any) -> Path:
    """Write a JSON file (see :func:`to_json`)."""
    return write_text(path, to_json(value))


def read_json(path: str | Path) -> Any:
    """Read a JSON file of a run."""
    return _whole(path, lambda p: json.loads(p.read_text("utf-8")))


def read_parquet(path: str | Path, **options) -> pd.DataFrame:
    """Read a Parquet file of a run; the options are those of :func:`pandas.read_parquet`."""
    import pandas as pd

    return _whole(path, lambda p: pd.read_parquet(p, **options))


def read_part(path: str | Path, wanted: Callable[[str], bool], categories: Sequence[str]) -> pd.DataFrame:
    """Read the wanted columns of a Parquet file of a run, those of few different texts as categories."""
    import pandas as pd
    import pyarrow.parquet as pq

    def read(path: Path) -> pd.DataFrame:
        columns = [name for name in pq.read_schema(path).names if wanted(name)]
        return pd.read_parquet(path, columns=columns, read_dictionary=[c for c in categories if c in columns])

    return _whole(path, read)


def read_csv(path: str | Path, **options) -> pd.DataFrame:
    """Read a CSV file of a run; the options are those of :func:`pandas.read_csv`."""
    import pandas as pd

    return _whole(path, lambda p: pd.read_csv(p, **options))


def read_mapping(path: str | Path) -> dict:
    """Read a YAML file of a run; what is no mapping is empty."""
    content = _whole(path, lambda p: yaml.load(p.read_text("utf-8"), Loader=FAST))
    return content if isinstance(content, dict) else {}


class Damaged(UserError):
    """A file that an earlier step of a run wrote cannot be read any more.

    Parameters
    ----------
    path : Path
    why : Exception
        What reading ended in.
    """

    def __init__(self, path: Path, why: Exception):
        self.path, self.why = path, why
        super().__init__(self._line("remove it"))

    def __reduce__(self):  # to another process
        return type(self), (self.path, self.why)

    def removed(self) -> UserError:
        """The same once the file is removed, so that the next run makes it anew."""
        self.path.resolve().unlink(missing_ok=True)
        return UserError(self._line("it was removed"))

    def _line(self, do: str) -> str:
        what = f"the file, which an earlier step of the run wrote, is damaged ({type(self.why).__name__})"
        return problem(what, f"{do}; {RECOMPUTE}", Place(self.path.name))


def _whole(path: str | Path, read: Callable[[Path], Any]) -> Any:
    """What a file that a run wrote holds; raises :class:`Damaged` where that cannot be read."""
    path = Path(path)
    try:
        return read(path)
    except (ValueError, EOFError, yaml.YAMLError) as error:
        raise Damaged(path, error) from None
    except FileNotFoundError:
        raise
    except OSError as error:
        if error.errno is not None:  # pyarrow's own errors have no number
            raise
        raise Damaged(path, error) from None


def write_csv(path: str | Path, table: pd.DataFrame) -> Path:
    """Write a CSV file: comma, UTF-8, numbers in full precision, empty cell for missing."""
    return write_text(path, table.to_csv(index=False, lineterminator="\n"))


def harmless(table: pd.DataFrame) -> pd.DataFrame:
    """A table whose text cells no spreadsheet runs as a formula: an apostrophe goes before =, +, -, @, tab."""
    from pandas.api.types import is_numeric_dtype

    def cell(value):
        return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value

    safe = table.rename(columns=cell)
    for column in safe.columns:
        if not is_numeric_dtype(safe[column]):
            safe[column] = safe[column].map(cell)
    return safe


def unmarked(table: pd.DataFrame) -> pd.DataFrame:
    """A table of text without the apostrophes of :func:`harmless`."""
    return table.map(lambda cell: cell[1:] if cell[:1] == "'" and cell[1:].startswith(FORMULA) else cell)


def write_parquet(path: str | Path, table: pd.DataFrame) -> Path:
    """Write a Parquet file whose bytes depend on the table alone."""
    return atomic(path, lambda p: table.reset_index(drop=True).to_parquet(p, index=False))


def read_set(folder: Path, name: str) -> tuple[pd.DataFrame, pd.DataFrame, dict]:
    """An analysis set of a run's folder: data, membership, description."""
    stem = folder / "analysis" / name
    data, membership = (read_parquet(stem.with_suffix(f".{s}")) for s in ("parquet", "membership.parquet"))
    return data, membership, read_json(stem.with_suffix(".design.json"))
