"""What a study is made of, as numbers from which a study of the same structure can be drawn; nothing of a person.

Means, SDs and correlations of scales within and between therapists, of items given their scale, case loads, shares of
missing answers and of covariates. What fewer than five persons gave is left out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from bowlby.disclosure import SMALLEST
from bowlby.errors import existing
from bowlby.instruments.model import Instrument
from bowlby.results import Results

KEYS = ["role", "about", "occasion"]
PERSONS_PER_VARIABLE = 3
"""Correlations between therapists are kept of so many therapists per scale; with fewer they would describe these."""
REST = "(rest)"


def structure(run: Results, instrument_of: Callable[[str], Instrument]) -> dict[str, Any] | None:
    """What the study of a run is made of.

    Parameters
    ----------
    run : Results
    instrument_of : callable
        An instrument by its id, on the study's forms.

    Returns
    -------
    dict or None
        occasions, time_unit, case_load, covariates, moments (of scales within and between therapists), blocks (each an
        instrument by role, about and occasion, with items, scores or categories) and left_out (what cannot be drawn);
        None for fewer than five patients or therapists.
    """
    tables = {name: run.table(f"people/{name}.parquet") for name in ("patients", "therapists", "episodes")}
    people = {name: table for name, table in tables.items() if table is not None}
    if any(len(people.get(name, ())) < SMALLEST for name in ("patients", "therapists")):
        return None
    main = people["patients"].set_index("patient")["therapist"].dropna()
    blocks, left_out = [], []
    values: dict[str, dict[str, pd.Series]] = {"patient": {}, "therapist": {}}
    for path in sorted((run.folder / "measures").glob("*.parquet")):
        instrument = instrument_of(path.stem)
        for key, rows in existing(run.table(f"measures/{path.name}")).groupby(KEYS, dropna=False, sort=True):
            named = {"instrument": path.stem, **dict(zip(KEYS, (None if pd.isna(v) else v for v in key), strict=True))}
            level = next((r for r in values if rows["person"].isin(people[f"{r}s"][r]).all()), None)
            why = _not_drawn(rows, level)
            if level is None or why:
                left_out.append({**named, "why": why})
                continue
            rows = rows.set_index("person")
            described, scores = _block(rows, instrument)
            share = len(rows) / len(people[f"{level}s"])
            blocks.append({**named, "level": level, "share": _round(share), **described})
            label = " ".join(str(v) for v in named.values())
            values[level] |= {f"{label} {scale}": scores[scale] for scale in scores}
    return {
        "occasions": run.study.get("occasions"),
        "time_unit": run.study.get("time_unit", "weeks"),
        "case_load": _case_load(main, people["episodes"], len(people["therapists"])),
        "covariates": {r: _covariates(people[f"{r}s"], r) for r in values},
        "moments": _moments(values["patient"], values["therapist"], main),
        "blocks": blocks,
        "left_out": left_out,
    }


def _not_drawn(rows: pd.DataFrame, level: str | None) -> str | None:
    if level is None:
        return "persons who are neither patients nor therapists of the study"
    if rows["session"].notna().any():
        return "answers session by session"
    if rows["person"].duplicated().any():
        return "several rows of a person"
    return f"fewer than {SMALLEST} persons" if len(rows) < SMALLEST else None


def _block(rows: pd.DataFrame, instrument: Instrument) -> tuple[dict, dict[str, pd.Series]]:
    """How an instrument was answered at one occasion, and each person's scores by scale."""
    items = [c for c in rows if c[0] == "i" and c[1:].isdigit()]
    if items:
        return _items(rows[items].rename(columns=lambda c: int(c[1:])), instrument)
    if "code" in rows:
        shares = _shares(rows["code"])
        return {"codes": shares}, {}
    scales = [c for c in rows if c in instrument.all_scales() and rows[c].notna().sum() >= SMALLEST]
    given = {scale: rows[scale].astype(float) for scale in scales}
    return {"scores": {scale: _given(instrument, scale, values) for scale, values in given.items()}}, given


def _given(instrument: Instrument, scale: str, values: pd.Series) -> dict[str, Any]:
    """How a score that was given is counted: sum or mean, whole numbers or not, and its possible range."""
    return {
        "as": "mean" if instrument.how(scale) == "mean" else "sum",
        "whole": bool((values.dropna() % 1 == 0).all()),
        "range": list(instrument.range_of(scale)) if instrument.response else None,
    }


def _items(raw: pd.DataFrame, instrument: Instrument) -> tuple[dict, dict[str, pd.Series]]:
    """Items in the scale's direction: mean, SD given the scale's sum, slope on it (the slopes of a scale add to 1)."""
    low, high = instrument.answers
    free, described, scores = set(raw), {}, {}
    scales = instrument.scales or instrument.all_scales()
    parts = {name: (scale.items, scale.reverse) for name, scale in scales.items()}
    for name, (numbers, reverse) in [*parts.items(), (REST, (sorted(free), []))]:
        own = [n for n in numbers if n in free and raw[n].notna().sum() >= SMALLEST]
        free -= set(own)
        if not own:
            continue
        keyed = raw[own].astype(float)
        keyed = keyed.mask(keyed.columns.isin(reverse) & keyed.notna(), low + high - keyed)
        filled = keyed.T.fillna(keyed.mean(axis=1)).T.dropna()
        total = filled.sum(axis=1)
        spread = float(total.var())
        slopes = filled.apply(lambda x, t=total: x.cov(t)) / spread if spread > 0 else filled.mean() * 0 + 1 / len(own)
        rest = filled - np.outer(total - total.mean(), slopes) - filled.mean()
        described[name] = [
            {"item": int(n), "reversed": n in reverse, "mean": _round(filled[n].mean()), "slope": _round(slopes[n]),
             "sd": _round(rest[n].std())} for n in own
        ]  # fmt: skip
        scores[name] = total
    values = raw.to_numpy(float)
    whole, missing = bool((values[~np.isnan(values)] % 1 == 0).all()), _round(np.isnan(values).mean())
    return {"items": described, "response": [low, high], "whole": whole, "missing": missing}, scores


def _moments(patients: dict, therapists: dict, main: pd.Series) -> dict[str, Any]:
    """Means, SDs and correlations of scores within and between therapists."""
    table, own = pd.DataFrame(patients).reindex(main.index), pd.DataFrame(therapists)
    groups = table.groupby(main)
    means, sizes = groups.mean(), groups.count()
    within = (table - groups.transform("mean")).to_numpy(float)
    free = np.maximum((table.notna().sum() - (sizes > 0).sum()).to_numpy(float), 1)
    here = ~np.isnan(within)
    products, pairs = np.nan_to_num(within).T @ np.nan_to_num(within), here.T.astype(float) @ here
    wider = np.sqrt(here.sum(0) / free)  # from means of squares to variances; each pair of scales has its own persons
    cov_w = products / np.maximum(pairs, 1) * np.outer(wider, wider)
    cov_w[pairs < SMALLEST] = 0.0
    joint = pd.concat([means, own], axis=1)
    cov_b = joint.cov(min_periods=SMALLEST).fillna(0.0).to_numpy().copy()
    k, inverse = len(means.columns), (1 / sizes.where(sizes > 0)).mean().to_numpy(float)
    cov_b[:k, :k] -= cov_w * np.sqrt(np.outer(inverse, inverse))
    enough = len(joint) >= PERSONS_PER_VARIABLE * len(joint.columns)
    sd_w, sd_b = np.sqrt(np.diag(cov_w)), np.sqrt(np.maximum(np.diag(cov_b), 0.0))
    return {
        "scales": {"patient": list(table), "therapist": list(own)},
        "mean": [_round(v) for v in [*table.mean(), *own.mean()]],
        "sd_within": [_round(v) for v in sd_w],
        "sd_between": [_round(v) for v in sd_b],
        "r_within": _correlation(cov_w, sd_w),
        "r_between": _correlation(cov_b, sd_b) if enough else None,
    }


def _correlation(covariance: np.ndarray, sd: np.ndarray) -> list[list[float]]:
    safe = np.where(sd > 0, sd, 1.0)
    r = np.where(np.outer(sd, sd) > 0, covariance / np.outer(safe, safe), 0.0)
    np.fill_diagonal(r, 1.0)
    return np.round(np.clip(r, -1, 1), 2).tolist()


def _case_load(main: pd.Series, episodes: pd.DataFrame, therapists: int) -> dict[str, Any]:
    load = main.value_counts()
    switched = episodes["patient"].value_counts().gt(1)
    sessions = episodes["sessions"].dropna() if "sessions" in episodes else pd.Series(dtype=float)
    return {
        "therapists": therapists,
        "mean": _round(load.mean()),
        "sd": _round(load.std(ddof=0)),
        "switching": _round(switched.mean()) if switched.sum() == 0 or switched.sum() >= SMALLEST else 0.0,
        "sessions": [_round(sessions.mean()), _round(sessions.std())] if len(sessions) >= SMALLEST else None,
    }


def _covariates(table: pd.DataFrame, role: str) -> dict[str, dict]:
    """Covariates by name: mean and SD of a number, shares of categories."""
    out: dict[str, dict] = {}
    for name in table.columns.drop([c for c in ("patient", "therapist", "site") if c in table]):
        column = table[name].dropna()
        if len(column) < SMALLEST or pd.api.types.is_datetime64_any_dtype(column):
            continue
        missing = _round(table[name].isna().mean())
        if pd.api.types.is_numeric_dtype(column):
            whole = bool((column % 1 == 0).all())
            out[name] = {"mean": _round(column.mean()), "sd": _round(column.std()), "whole": whole, "missing": missing}
        else:
            out[name] = {"shares": _shares(column), "missing": missing}
    return out


def _shares(column: pd.Series) -> dict[str, float]:
    """Shares of categories that five persons or more have; the others are one category together."""
    counts = column.astype(str).value_counts().sort_index()
    large = counts[counts >= SMALLEST]
    rest = counts.sum() - large.sum()
    shares = dict(large) | ({REST: rest} if rest >= SMALLEST or not len(large) else {})
    return {str(name): _round(n / sum(shares.values())) for name, n in shares.items()}


def _round(value: float) -> float:
    """Three significant digits, so that no number tells more than a table would."""
    return float(f"{float(value):.3g}") if np.isfinite(value) else 0.0
