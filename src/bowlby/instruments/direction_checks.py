"""The direction of scales as wholes: between occasions, files and sites, and between questionnaires.

The items of a scale that is reversed as a whole agree; its scores do not. Such a scale also correlates with the scales
of other questionnaires against the sign that their meaning implies.
"""

from __future__ import annotations

from functools import partial
from itertools import combinations, product

import numpy as np
import pandas as pd

from bowlby.instruments.cells import CELL
from bowlby.instruments.item_agreement import (
    FEWEST,
    Finding,
    Part,
    by_part,
    centred,
    correlations,
    findings_table,
    pairwise,
    sample,
)
from bowlby.instruments.item_checks import SURE, level_of, sign, strength
from bowlby.instruments.model import Instrument
from bowlby.instruments.published_norms import SIGN, middle

CLEAR_R = 0.3
APART, MIRRORED = 1.0, 1 / 3
REVERSED = "the scale looks reversed as a whole here; compare the direction of the answers with your form"
ONE_REVERSED = "the scale looks reversed as a whole here or elsewhere; compare the direction of both with your form"
AGAINST, SURELY = -0.3, -3.3
CHECK = "other_instruments"
TURNED = "one of the two looks reversed as a whole; compare the direction of the answers of both with your forms"
KEY, OTHER = ["role", "occasion", "person"], " of the other"


def direction_checks(forms: pd.DataFrame, scores: pd.DataFrame, instrument: Instrument) -> list[tuple[str, Finding]]:
    """Findings about whole scales, each with the part that it is about.

    Parameters
    ----------
    forms : DataFrame
        From :func:`bowlby.instruments.item_agreement.sample`.
    scores : DataFrame
        Scores of all forms; its index holds that of ``forms``.
    instrument : Instrument
        The key.
    """
    scales = [s for s in instrument.all_scales() if s in scores.columns]
    if not scales or not len(forms):
        return []
    values = scores.loc[forms.index, scales].astype(float)
    rows = by_part(forms, lambda part, tests: _relations(values, part, tests, instrument))
    rows += by_part(forms, lambda part, tests: _occasions(forms, values, part, tests))
    return rows + _mirrored(forms, values, instrument)


def _relations(values: pd.DataFrame, part: Part, tests: int, instrument: Instrument) -> list[Finding]:
    """Scales that are published to go together, or against each other, do so here."""
    findings = []
    for relation in instrument.relations:
        r = middle(relation.r)
        if abs(r) < CLEAR_R or not all(s in values.columns for s in relation.scales):
            continue
        both = centred(values[list(relation.scales)].to_numpy()[part.rows], part.cells)
        both = both[np.isfinite(both).all(axis=1)]
        check, name = "scale_relation", " with ".join(relation.scales)
        doubt = ", unchecked" if relation.confidence == "unverified" else ""
        expected = f"{'> 0' if r > 0 else '< 0'} (published {r:.2f}{doubt})"
        if min(len(both), part.persons) < FEWEST or not (both.std(axis=0) > 1e-9).all():
            findings.append(Finding(name, None, check, f"fewer than {FEWEST} persons", expected, "not_testable"))
            continue
        seen = float(correlations(both[:, :1], both[:, 1:])[0])
        z = strength(np.sign(r) * seen, part.persons)
        verdict, advice = ("suspicious", REVERSED) if z < level_of(tests) else ("ok", "")
        findings.append(Finding(name, None, check, f"{seen:.3f}", expected, verdict, advice, z > SURE))
    return findings


def _occasions(forms: pd.DataFrame, values: pd.DataFrame, part: Part, tests: int) -> list[Finding]:
    """Persons' scores at one occasion go with their scores at another."""
    here = forms.iloc[part.rows]
    if here["occasion"].nunique() < 2:
        return []
    keys = pd.MultiIndex.from_frame(here[["role", "about", "person", "occasion"]])
    findings = []
    for scale in values:
        wide = pd.Series(values[scale].to_numpy()[part.rows], index=keys).unstack("occasion")  # noqa: PD010
        wide = wide.loc[:, (wide.count() >= FEWEST) & (wide.std() > 1e-9)]
        there = wide.notna().to_numpy(float)
        shared = there.T @ there
        pairs = [(i, j) for i, j in combinations(range(wide.shape[1]), 2) if shared[i, j] >= FEWEST]
        if not pairs:
            continue
        r = np.where(shared >= FEWEST, pairwise(wide.to_numpy()), 0.0)
        level = level_of(tests * len(pairs))
        against = [(i, j) for i, j in pairs if sign(r[i, j], int(shared[i, j]), level) != "ok"]
        lowest = min(r[i, j] for i, j in against or pairs)
        if not against:
            clear = all(strength(r[i, j], int(shared[i, j])) > SURE for i, j in pairs)
            findings.append(Finding(scale, None, "between_occasions", f"{lowest:.2f}", "> 0", "ok", clear=clear))
            continue
        where = " or ".join(str(wide.columns[i]) for i in _odd(r, pairs, against))
        fault = Finding(scale, None, "between_occasions", f"{lowest:.2f}", "> 0", "wrong", REVERSED, where=where)
        findings.append(fault)
    return findings


def _odd(r: np.ndarray, pairs: list[tuple[int, int]], against: list[tuple[int, int]]) -> list[int]:
    """Occasions that go against most others; where neither side is larger, all that go against another."""
    known = np.array(sorted({i for pair in pairs for i in pair}))
    below = np.linalg.eigh(r[np.ix_(known, known)])[1][:, -1] < 0
    fewer = known[below] if 2 * below.sum() < len(known) else known[~below]
    return fewer.tolist() if 0 < 2 * len(fewer) < len(known) else sorted({i for pair in against for i in pair})


def _mirrored(forms: pd.DataFrame, values: pd.DataFrame, instrument: Instrument) -> list[tuple[str, Finding]]:
    """Files or sites of one role and occasion whose means are far apart, and alike after one is reversed."""
    mirrored: dict[tuple, list[tuple]] = {}
    for column in ("source_file", "site"):
        if column not in forms.columns or forms[column].nunique() < 2:
            continue
        for (role, _, occasion), cell in forms.groupby(CELL, dropna=False, sort=False, observed=True):
            groups = {str(name): g.index for name, g in cell.groupby(column, observed=True) if len(g) >= FEWEST}
            for scale in values if len(groups) > 1 else ():
                own = {name: v for name, at in groups.items() if len(v := values.loc[at, scale].dropna()) >= FEWEST}
                for name, *means in _reversed_groups(own, sum(instrument.range_of(scale))):
                    mirrored.setdefault((str(role), column, name, scale), []).append((str(occasion), *means))
    rows, said = [], set()
    for (role, column, name, scale), cells in mirrored.items():
        occasions, *ends = zip(*cells, strict=True)
        everywhere = forms.loc[forms["role"].eq(role) & forms[column].eq(name), "occasion"].nunique() == len(cells)
        label = ", ".join([role, *([] if everywhere else occasions), f"site {name}" if column == "site" else name])
        observed, expected = (", ".join(f"{m:.3g}" for m in some) for some in ends)
        row = Finding(scale, None, "mirrored_mean", observed, f"{expected}, as elsewhere", "suspicious", ONE_REVERSED)
        if (role, scale, *ends) not in said:  # a site with a file of its own
            rows.append((label, row))
        said.add((role, scale, *ends))
    return rows


def _reversed_groups(groups: dict[str, pd.Series], ends: float) -> list[tuple[str, float, float]]:
    """Groups whose mean is far from the median of the others' means, and near it after reversal; with both means."""
    if len(groups) < 2:
        return []
    means = {name: float(g.mean()) for name, g in groups.items()}
    sd = np.sqrt(np.mean([g.var(ddof=0) for g in groups.values()]))
    odd = []
    for name, mean in means.items():
        other = float(np.median([m for n, m in means.items() if n != name]))
        off = abs(mean - other)
        if off > APART * sd and abs(ends - mean - other) < MIRRORED * off:
            odd.append((name, mean, other))
    return odd


def directed(
    scores: pd.DataFrame,
    instrument: Instrument,
    measures: pd.DataFrame | None = None,
    sites: dict[str, pd.Series] | None = None,
) -> pd.DataFrame:
    """Scales of an instrument that are better or worse when higher, all with the sign by which higher is better.

    Parameters
    ----------
    scores : DataFrame
        Of the instrument.
    instrument : Instrument
        Its key.
    measures : DataFrame, optional
        What the scores were made from, same index, with their files.
    sites : dict of Series, optional
        By role, the site of each person.

    Returns
    -------
    DataFrame
        Columns of :func:`bowlby.instruments.item_agreement.sample`, and one for each scale; of an instrument with a
        total the total only. Empty where the answers are about several people.
    """
    names = ["total"] if instrument.total else list(instrument.scales)
    scales = instrument.all_scales()
    wanted = [n for n in names if scales[n].higher in SIGN and n in scores.columns]
    if not wanted or len(scores["about"].unique()) > 1:
        return pd.DataFrame()
    forms = sample(scores if measures is None else measures, sites)
    head = [c for c in (*KEY, "about", "source_file", "site") if c in forms.columns]
    own = scores.loc[forms.index, wanted].astype(float) * [SIGN[scales[n].higher] for n in wanted]
    return pd.concat([forms[head].astype({c: object for c in KEY}), own], axis=1)


def across(scales: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Pairs of scales of different instruments that the same persons answered at the same occasion.

    They may have little to do with each other; but higher being better in both, they do not go clearly against each
    other (a correlation under -.30, surely under 0).

    Parameters
    ----------
    scales : dict of DataFrame
        By instrument, from :func:`directed`.

    Returns
    -------
    DataFrame
        Columns as of :func:`bowlby.instruments.audit.audit`: each pair with 30 persons, and the parts of them to which
        an alarm is confined.
    """
    rows = []
    for (first, a), (second, b) in combinations(sorted(scales.items()), 2):
        if a.empty or b.empty:
            continue
        names = [[c for c in t.columns if c not in (*KEY, "about", "source_file", "site")] for t in (a, b)]
        both = a.merge(b[[*KEY, *names[1]]], on=KEY, suffixes=("", OTHER))
        for one, name in product(*names):
            values = both[[one, f"{name}{OTHER}" if name in names[0] else name]].to_numpy(float)
            known = np.isfinite(values).all(axis=1)
            check = partial(_check, values[known], one, f"{second} {name}")
            rows += [(first, part, row) for part, row in by_part(both[known], check)] if known.any() else []
    return findings_table(rows)


def _check(values: np.ndarray, scale: str, other: str, part: Part, _: int) -> list[Finding]:
    own = centred(values[part.rows], part.cells)
    if part.persons < FEWEST or not (own.std(axis=0) > 1e-9).all():
        return []
    r = float(correlations(own[:, :1], own[:, 1:])[0])
    z = strength(r, part.persons)
    verdict, advice = ("suspicious", TURNED) if r < AGAINST and z < SURELY else ("ok", "")
    observed, expected = f"{r:.2f} with {other}", f"> {AGAINST:.2f}, higher being better in both"
    return [Finding(scale, None, CHECK, observed, expected, verdict, advice, z > SURE)]
