"""How the items of one scale agree, in all forms and in the parts of a study to which a fault of a key can be confined.

Such a part is a role, an occasion, a file or a site.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd

from bowlby.instruments.cells import CELL, codes, combined

FEWEST = 30
ENOUGH = 20_000
"""Forms of a cell that the agreement of items is taken from; its standard error is then under .01."""
LARGE = 10_000_000
"""Cells beyond which columns are taken one at a time: several copies of ten million forms would fill the memory."""
WITHIN = ["occasion", "source_file", "site"]
ALARMS = ("suspicious", "wrong")
COLUMNS = ["instrument", "part", "scale", "item", "check", "observed", "expected", "verdict", "advice"]


class Finding(NamedTuple):
    """One result of a check, as in ``keying_audit.csv``.

    Attributes
    ----------
    clear : bool
        Whether the data show that what was checked is right, and do not merely fail to show that it is wrong.
    where : str
        Occasions that it is about, where the check compares several.
    """

    scale: str | None
    item: int | None
    check: str
    observed: object
    expected: str
    verdict: str
    advice: str = ""
    clear: bool = False
    where: str = ""

    @property
    def alarm(self) -> bool:
        """Whether it did not pass."""
        return self.verdict in ALARMS


def findings_table(rows: list[tuple[str, str, Finding]]) -> pd.DataFrame:
    """Instrument, part and finding as a table with the columns of ``keying_audit.csv``."""
    cells = [(name, ", ".join(filter(None, (part, row.where))), *row[:7]) for name, part, row in rows]
    return pd.DataFrame(cells, columns=COLUMNS).astype({"item": "Int64"})


@dataclass(frozen=True)
class Part:
    """Forms of a study that are checked by themselves.

    Attributes
    ----------
    label : str
        What they have in common that not all forms have; empty for all forms.
    rows : ndarray of int
        Where they are in the table, one form of a person in each role, target and occasion.
    cells : ndarray of int
        Number of each row's role, target and occasion, from 0.
    persons : int
        Different persons.
    role : bool
        Whether these are all forms, or all of a role.
    """

    label: str
    rows: np.ndarray
    cells: np.ndarray
    persons: int
    role: bool = False


def sample(measures: pd.DataFrame, sites: dict[str, pd.Series] | None = None) -> pd.DataFrame:
    """Forms from which the agreement of items is taken: one of a person in each cell; of large cells, some persons.

    Parameters
    ----------
    measures : DataFrame
        With person, role, about, occasion and, where known, session and source_file.
    sites : dict of Series, optional
        By role, the site of each person; persons may be absent.

    Returns
    -------
    DataFrame
        Rows of ``measures`` with ``site`` added; the same persons are taken at all occasions and in all instruments.
    """
    keys = [c for c in [*CELL, "source_file"] if c in measures.columns]
    cell = pd.factorize(combined([codes(measures[c]) for c in keys]))[0]
    forms = np.bincount(cell)
    kept = measures
    if forms.max(initial=0) > ENOUGH:
        person, ids = pd.factorize(measures["person"])
        # Steps are powers of two, so that persons of a larger cell are among those of a smaller one; and by the ids, so
        # that they are the same in each instrument.
        step = 2 ** np.ceil(np.log2(np.maximum(forms / ENOUGH, 1))).astype(np.uint64)
        kept = measures[pd.util.hash_array(np.asarray(ids, dtype=object), categorize=False)[person] % step[cell] == 0]
    if "session" in kept.columns:
        kept = kept.sort_values("session", kind="stable")
    kept = kept.drop_duplicates([*CELL, "person"])
    site = pd.Series("", index=kept.index, dtype=object)
    for role, known in (sites or {}).items():
        own = kept["role"] == role
        site[own] = kept.loc[own, "person"].map(known).fillna("").astype(str)
    return kept.assign(site=site)


def parts(forms: pd.DataFrame) -> list[Part]:
    """All forms first; then those of each role, and within roles of each occasion, file, site and their combinations.

    Parts have at least 30 persons, but for roles, which are parts however few answered. Of parts with the same forms
    one is kept.
    """
    columns = [c for c in ["role", *WITHIN] if c in forms.columns]
    values, known = {}, {}
    for c in columns:
        values[c], known[c] = pd.factorize(forms[c])
    rows_of: dict[bytes, tuple[str, np.ndarray, bool]] = {}
    for n in range(len(columns)):
        for chosen in combinations(columns[1:], n):
            keys = [] if not n else list(chosen)
            for rows in _groups(values, ["role", *keys]):
                label = _label(rows, values, known)
                rows_of.setdefault(rows.tobytes(), (label, rows, n == 0))
    everything = np.arange(len(forms))
    rows_of.pop(everything.tobytes(), None)
    person = codes(forms["person"])
    cell = pd.factorize(combined([codes(forms[c]) for c in CELL]))[0]
    made = [Part("", everything, cell, len(np.unique(person)), True)]
    for label, rows, role in rows_of.values():
        persons = len(np.unique(person[rows]))
        if role or persons >= FEWEST:
            made.append(Part(label, rows, np.unique(cell[rows], return_inverse=True)[1], persons, role))
    return made


def _groups(values: dict[str, np.ndarray], keys: list[str]) -> Iterable[np.ndarray]:
    number = combined([values[key] for key in keys])
    order = np.argsort(number, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(number[order])) + 1)


def _label(rows: np.ndarray, codes: dict[str, np.ndarray], known: dict[str, pd.Index]) -> str:
    """What the rows have in common that not all rows have."""
    said = []
    for column, values in codes.items():
        first = values[rows[0]]
        if (values[rows] == first).all() and (values != first).any() and first >= 0 and known[column][first]:
            said.append(f"site {known[column][first]}" if column == "site" else str(known[column][first]))
    return ", ".join(said)


def by_part(forms: pd.DataFrame, check: Callable[[Part, int], list[Finding]]) -> list[tuple[str, Finding]]:
    """Findings of one check in all parts of some forms, as :func:`named` gives them.

    Parameters
    ----------
    forms : DataFrame
        From :func:`sample`.
    check : callable
        Takes a part, and the number of parts that are tested in the same way.
    """
    made = parts(forms)
    within = sum(not part.role for part in made)
    return named([(part, check(part, 1 if part.role else within)) for part in made])


def named(by_part: list[tuple[Part, list[Finding]]]) -> list[tuple[str, Finding]]:
    """Findings of all parts as rows: those of all forms, and alarms of the parts that they are confined to.

    The alarms of a scale are given to the largest part of which no other part is clear of them; within that part they
    are not repeated.

    Parameters
    ----------
    by_part : list of (Part, list of Finding)
        All forms first.
    """
    scales = dict.fromkeys(f.scale for _, findings in by_part for f in findings)
    rows = [row for s in scales for row in _confined([(p, [f for f in fs if f.scale == s]) for p, fs in by_part])]
    # Where a scale's answers differ in direction between parts, its items seem to go together less in all forms.
    apart = [p for p, f in rows if f.alarm and f.scale is not None]
    mixed = [f.alarm and f.scale is None and any(_meets(q, p) and not _inside(p, q) for q in apart) for p, f in rows]
    return [(part.label, finding) for (part, finding), drop in zip(rows, mixed, strict=True) if not drop]


def _confined(by_part: list[tuple[Part, list[Finding]]]) -> list[tuple[Part, Finding]]:
    whole, rows = by_part[0], []
    chosen: list[tuple[Part, list[Finding]]] = []
    for part, findings in [whole, *sorted(by_part[1:], key=lambda pair: -len(pair[0].rows))]:
        known = [f for other, alarms in chosen if _inside(part, other) for f in alarms]
        # What a larger part shows item by item, a smaller one need not show again.
        new = [f for f in findings if f.alarm and not (known and (f.item is not None or _same(f, known)))]
        inside = [(p, fs) for p, fs in by_part if p is not part and _inside(p, part)]
        elsewhere = any(f.alarm for _, fs in inside for f in fs)
        if new and not (elsewhere and any(_contradicts(fs, new) for _, fs in inside)):
            chosen.append((part, new))
            rows += [(part, f) for f in new]
    return [(whole[0], f) for f in whole[1] if not f.alarm] + rows


def _inside(part: Part, other: Part) -> bool:
    return len(part.rows) <= len(other.rows) and bool(np.isin(part.rows, other.rows).all())


def _meets(part: Part, other: Part) -> bool:
    return bool(np.isin(part.rows, other.rows).any())


def _same(finding: Finding, others: list[Finding]) -> bool:
    return any(f[:3] == finding[:3] for f in others)


def _contradicts(findings: list[Finding], alarms: list[Finding]) -> bool:
    """Whether a part has no alarm, and is clear of at least half of the alarms of a larger one."""
    clear = {f[:3] for f in findings if f.clear}
    return not any(f.alarm for f in findings) and 2 * sum(f[:3] in clear for f in alarms) >= len(alarms)


def item_rest(values: np.ndarray) -> np.ndarray:
    """Correlation of each item with the mean of the others that the same person answered.

    Parameters
    ----------
    values : ndarray, shape (n_rows, n_items)
        Keyed answers; missing is NaN.

    Returns
    -------
    ndarray, shape (n_items,)
        0 for an item or a rest that does not vary.
    """
    return correlations(values, rest_means(values))


def rest_means(values: np.ndarray) -> np.ndarray:
    """Mean of the other items that the same person answered, for each item; NaN where there is none."""
    there = ~np.isnan(values)
    filled = np.where(there, values, 0.0)
    others = there.sum(axis=1)[:, None] - there
    rest = np.full(values.shape, np.nan)
    np.divide(filled.sum(axis=1)[:, None] - filled, others, out=rest, where=others > 0)
    return rest


def correlations(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Correlation of each column of ``a`` with the same column of ``b``, over the rows that have both.

    0 where there are under three rows, or one of the two does not vary.
    """
    if a.size > LARGE and a.shape[1] > 1:
        return np.concatenate([correlations(a[:, k : k + 1], b[:, k : k + 1]) for k in range(a.shape[1])])
    both = np.isfinite(a) & np.isfinite(b)
    n = both.sum(axis=0)
    x, y = (_centred(values, both, n) for values in (a, b))
    sizes = np.sqrt((x**2).sum(axis=0)), np.sqrt((y**2).sum(axis=0))
    usable = (n >= 3) & (np.minimum(*sizes) > 1e-12 * np.sqrt(np.maximum(n, 1)))
    coefficients = np.zeros(a.shape[1])
    np.divide((x * y).sum(axis=0), sizes[0] * sizes[1], out=coefficients, where=usable)
    return np.clip(coefficients, -1, 1)


def pairwise(values: np.ndarray) -> np.ndarray:
    """Correlation of each pair of items over the rows that have both; 0 where it does not exist.

    Parameters
    ----------
    values : ndarray, shape (n_rows, n_items)
        Answers; missing is NaN.

    Returns
    -------
    ndarray, shape (n_items, n_items)
    """
    there = ~np.isnan(values)
    if there.all():
        n, filled = float(len(values)), values - values.mean(axis=0)
        there = None
    else:
        filled = np.where(there, values, 0.0)
        filled = np.where(there, filled - filled.sum(axis=0) / np.maximum(there.sum(axis=0), 1), 0.0)
        there = there.astype(float)
        n = there.T @ there
    ones = np.ones_like(filled) if there is None else there
    sums, squares = filled.T @ ones, (filled**2).T @ ones
    products = filled.T @ filled - sums * sums.T / np.maximum(n, 1)
    own = np.maximum(squares - sums**2 / np.maximum(n, 1), 0.0)
    size, coefficients = np.sqrt(own * own.T), np.zeros_like(products)
    np.divide(products, size, out=coefficients, where=(size > 1e-12) & (n >= 3))
    np.fill_diagonal(coefficients, 1.0)
    return np.clip(coefficients, -1, 1)


def centred(values: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Answers with the mean of their cell taken out, item by item.

    Parameters
    ----------
    values : ndarray, shape (n_rows, n_items)
        Answers; missing is NaN.
    cells : ndarray of int, shape (n_rows,)
        Cell of each row, from 0.
    """
    out = np.empty_like(values)
    for k, own in enumerate(values.T):
        np.subtract(own, cell_means(own, cells)[cells], out=out[:, k])
    return out


def cell_means(values: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Mean of each cell, shape (n_cells,); NaN is left out."""
    there = ~np.isnan(values)
    n = int(cells.max(initial=-1)) + 1
    if not there.all():
        values, cells = values[there], cells[there]
    return np.bincount(cells, values, n) / np.maximum(np.bincount(cells, minlength=n), 1)


def alphas(values: np.ndarray) -> tuple[float, np.ndarray]:
    """Alpha of a scale, and alpha without each of its items; NaN without variance.

    Parameters
    ----------
    values : ndarray, shape (n_rows, n_items)
        Complete rows of keyed answers, at least two items; of two, alpha without one is NaN.
    """
    k = values.shape[1]
    covariance = np.cov(values.T)
    own, total = np.diag(covariance), covariance.sum()
    without = total - 2 * covariance.sum(axis=0) + own
    return float(_alpha(own.sum(), total, k)), _alpha(own.sum() - own, without, k - 1)


def first_loadings(values: np.ndarray) -> np.ndarray:
    """Loadings on the first principal component, signed so that most of them are positive.

    Parameters
    ----------
    values : ndarray, shape (n_rows, n_items)
        Complete rows of keyed answers.
    """
    roots, vectors = np.linalg.eigh(np.corrcoef(values.T))
    loadings = vectors[:, -1] * np.sqrt(max(roots[-1], 0.0))
    negative = int((loadings < 0).sum())
    flip = negative * 2 > len(loadings) or (negative * 2 == len(loadings) and loadings.sum() < 0)
    return -loadings if flip else loadings


def _centred(values: np.ndarray, both: np.ndarray, n: np.ndarray) -> np.ndarray:
    kept = np.where(both, values, 0.0)
    return np.where(both, kept - kept.sum(axis=0) / np.maximum(n, 1), 0.0)


def _alpha(own, total, k: int):
    """Alpha of k items whose variances have the sum ``own``, and whose sum has the variance ``total``."""
    total = np.asarray(total, dtype=float)
    share = np.full(total.shape, np.nan)
    if k < 2:
        return share
    np.divide(own, total, out=share, where=total > 1e-12)
    return k / (k - 1) * (1 - share)
