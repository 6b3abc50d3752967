"""Do the scales of different questionnaires go the way that their meaning says? One that is turned goes against all."""

from __future__ import annotations

from functools import partial
from itertools import combinations, product

import numpy as np
import pandas as pd

from bowlby.instruments.agreement import centred, correlations
from bowlby.instruments.audit import findings_table
from bowlby.instruments.item_checks import SURE, strength
from bowlby.instruments.model import Instrument
from bowlby.instruments.parts import FEWEST, Finding, Part, by_part, sample

AGAINST, SURELY = -0.3, -3.3
SIGN = {"worse": -1.0, "better": 1.0}
CHECK = "other_instruments"
TURNED = "one of the two looks reversed as a whole; compare the direction of the answers of both with your forms"
KEY, OTHER = ["role", "occasion", "person"], " of the other"


def directed(
    scores: pd.DataFrame,
    instrument: Instrument,
    measures: pd.DataFrame | None = None,
    sites: dict[str, pd.Series] | None = None,
) -> pd.DataFrame:
    """Scales of an instrument that are better or worse when higher, all turned so that higher is better.

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
        Columns of :func:`bowlby.instruments.parts.sample`, and one for each scale; of an instrument with a total the
        total only. Empty where the answers are about several people.
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
