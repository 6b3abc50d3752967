"""The parts of a study that a fault of a key can be confined to: a role, an occasion, a file, a site."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd

FEWEST = 30
ENOUGH = 20_000
"""Forms of a cell that the agreement of items is taken from; its standard error is then under .01."""
CELL = ["role", "about", "occasion"]
WITHIN = ["occasion", "source_file", "site"]
ALARMS = ("suspicious", "wrong")


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
    cell = measures.groupby(keys, dropna=False, sort=False, observed=True).ngroup().to_numpy()
    forms = np.bincount(cell)
    kept = measures
    if forms.max(initial=0) > ENOUGH:
        person, ids = pd.factorize(measures["person"])
        # Steps are powers of two, so that persons of a larger cell are among those of a smaller one; and by the ids, so
        # that they are the same in each instrument.
        step = 2 ** np.ceil(np.log2(np.maximum(forms / ENOUGH, 1))).astype(np.uint64)
        kept = measures[pd.util.hash_array(np.asarray(ids, dtype=object))[person] % step[cell] == 0]
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
    codes = {c: pd.factorize(forms[c])[0] for c in columns}
    known = {c: pd.factorize(forms[c])[1] for c in columns}
    found = {}
    for n in range(len(columns)):
        for chosen in combinations(columns[1:], n):
            keys = [] if not n else list(chosen)
            for rows in _groups(codes, ["role", *keys]):
                label = _label(rows, codes, known)
                found.setdefault(rows.tobytes(), (label, rows, n == 0))
    everything = np.arange(len(forms))
    found.pop(everything.tobytes(), None)
    person = pd.factorize(forms["person"])[0]
    cell = forms.groupby(CELL, dropna=False, sort=False, observed=True).ngroup().to_numpy()
    made = [Part("", everything, cell, len(np.unique(person)), True)]
    for label, rows, role in found.values():
        persons = len(np.unique(person[rows]))
        if role or persons >= FEWEST:
            made.append(Part(label, rows, np.unique(cell[rows], return_inverse=True)[1], persons, role))
    return made


def _groups(codes: dict[str, np.ndarray], keys: list[str]) -> Iterable[np.ndarray]:
    number = np.zeros(len(codes["role"]), dtype=np.int64)
    for key in keys:
        number = number * (codes[key].max(initial=0) + 2) + codes[key] + 1
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


def named(found: list[tuple[Part, list[Finding]]]) -> list[tuple[str, Finding]]:
    """Findings of all parts as rows: those of all forms, and alarms of the parts that they are confined to.

    The alarms of a scale are given to the largest part of which no other part is clear of them; within that part they
    are not repeated.

    Parameters
    ----------
    found : list of (Part, list of Finding)
        All forms first.
    """
    scales = dict.fromkeys(f.scale for _, findings in found for f in findings)
    rows = [row for s in scales for row in _confined([(p, [f for f in fs if f.scale == s]) for p, fs in found])]
    # Where a scale's answers differ in direction between parts, its items seem to go together less in all forms.
    apart = [p for p, f in rows if f.alarm and f.scale is not None]
    mixed = [f.alarm and f.scale is None and any(_meets(q, p) and not _inside(p, q) for q in apart) for p, f in rows]
    return [(part.label, finding) for (part, finding), drop in zip(rows, mixed) if not drop]


def _confined(found: list[tuple[Part, list[Finding]]]) -> list[tuple[Part, Finding]]:
    whole, chosen, rows = found[0], [], []
    for part, findings in [whole, *sorted(found[1:], key=lambda pair: -len(pair[0].rows))]:
        known = [f for other, alarms in chosen if _inside(part, other) for f in alarms]
        # What a larger part shows item by item, a smaller one need not show again.
        new = [f for f in findings if f.alarm and not (known and (f.item is not None or _same(f, known)))]
        inside = [(p, fs) for p, fs in found if p is not part and _inside(p, part)]
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
