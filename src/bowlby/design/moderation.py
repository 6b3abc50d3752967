"""Rows of an interaction: the main model's columns, and the moderator within and between therapists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bowlby import terms
from bowlby.config.moderation import PRETEST, Interaction, interactions
from bowlby.config.run import Run
from bowlby.design.centring import Membership, membership, within_between
from bowlby.design.frame import AnalysisSet, Patients, base_rows, complete_rows, described_set, meaning, patients
from bowlby.design.pair import check_pair
from bowlby.design.primary import check_comparison
from bowlby.design.requirements import TOO_FEW_THERAPISTS
from bowlby.disclosure import SMALLEST, equal_blocks, group_therapists, small
from bowlby.errors import Problem, UserError, problem

LEVEL_PATIENTS, LEVEL_THERAPISTS = 10, 5
"""Patients and therapists that a value of a category needs."""
VARYING = 5
"""Therapists within whom a moderator has to vary, if it varies within any."""
MOST_LEVELS = 8
BLOCKS = 80
"""Largest number of marks on a rug."""
THERAPIST = "therapist"
"""Level of what therapists answer of themselves."""


@dataclass(frozen=True)
class Moderator:
    """A moderator's columns before they are split.

    Attributes
    ----------
    label : str
    frame : DataFrame
        One column of a number; of a category one for each value but the first, 0 or 1.
    step : float or None
        1 SD in the column's own units; negative where the label counts in the other direction. None: that of the part
        that is tested, in this sample.
    levels : dict of str to str
        Value of a category: its column. Empty for a number.
    """

    label: str
    frame: pd.DataFrame
    step: float | None
    levels: dict[str, str]


def moderation_set(
    run: Run, scores: dict[str, pd.DataFrame], people: dict[str, pd.DataFrame], occasions: list[str], name: str
) -> AnalysisSet:
    """Build the analysis set of one interaction.

    Parameters
    ----------
    run, scores, people, occasions
        As of :func:`bowlby.design.primary.comparison_set`.
    name : str
        Of the set, :attr:`bowlby.config.moderation.Interaction.name`.

    Returns
    -------
    AnalysisSet
        ``moderation`` of the description: predictor (its column), main (the columns of both predictors), moderator
        (label, step, columns within and between therapists, indicators of all values), tested (the level of the
        product that is tested: ``within``, ``between``, or ``therapist`` for what therapists answer), levels, range
        and rugs.

    Raises
    ------
    UserError
        Where the interaction cannot be estimated from these data; all reasons at once.
    """
    asked = next(one for one in interactions(run) if one.name == name)
    if asked.analysis == "pair":
        check_pair(run, scores, people["patients"])
    else:
        check_comparison(run, scores, people["patients"], occasions)
    return interaction_set(run, asked, patients(run, scores, people, asked.analysis), people["patients"])


def interaction_set(run: Run, asked: Interaction, sample: Patients, described: pd.DataFrame) -> AnalysisSet:
    """The set of :func:`moderation_set`, from all patients and their variables (``patient`` and one column each)."""
    values, label = _moderator(asked, sample, described, run)
    frame = sample.frame.assign(**{_WANTED: values})
    needed = {"baseline": "no outcome before treatment"} if "baseline" in frame else {}
    needed |= {"y": "no outcome after treatment"}
    needed |= {side: f"no {_label(run, side)}" for side in _sides(asked)} | {_WANTED: f"no {label}"}
    needed |= {column: f"no {covariate}" for column, covariate in sample.covariates.items()}
    whole = Patients(frame, sample.episodes, sample.scaling, sample.sd_outcome, sample.style, sample.covariates)
    frame, episodes, dropped, flow = complete_rows(whole, needed)
    weights = membership(episodes, frame.index)
    data = base_rows(frame, weights, "y")
    w = weights.matrix()
    for column in [*(c for c in ("baseline",) if c in frame), *sample.covariates]:
        _split(data, column, frame[column], w)
    main, predictor, slopes = _main(asked, run, frame, data, w)
    moderator = _read(asked, frame[_WANTED], label, sample.sd_outcome)
    tested, parts = _add(asked, run, moderator, data, frame[_WANTED], w)
    _refuse(asked, moderator, data, frame[_WANTED], weights, tested, len(sample.covariates))
    said = _describe(moderator, data, tested, parts, run.privacy == "shareable")
    design = described_set(getattr(run, asked.analysis), sample, weights, dropped) | {
        "moderation": {"text": asked.text, "analysis": asked.analysis, "predictor": predictor, "main": main,
                       "slopes": slopes, "predictor_label": _label(run, asked.predictor, asked.scale), **said}
    }  # fmt: skip
    columns = pd.DataFrame([(c, *_meaning(c, run)) for c in data], columns=["name", "meaning", "unit", "source"])
    return AnalysisSet(data, episodes[["patient", "therapist", "weight"]], columns, design, flow)


_WANTED = "moderator "
"""Column of the moderator as it stands in the files; no variable can have this name."""


def _sides(asked: Interaction) -> tuple[str, str]:
    return ("first", "second") if asked.analysis == "pair" else ("perceived", "therapist_style")


def _label(run: Run, variable: str, scale: str | None = None) -> str:
    """A composite or one of its scales as written within a sentence."""
    name = getattr(run.pair, variable).label if variable in terms.SIDES else terms.IN_SENTENCES[variable]
    return f"{name} ({scale.replace('_', ' ')})" if scale else name


def _of_therapists(run: Run, variable: str) -> bool:
    """Whether therapists answer a variable."""
    if variable in terms.SIDES:
        return getattr(run.pair, variable).role == "therapist"
    return terms.ROLES.get(variable) == "therapist"


def _moderator(asked: Interaction, sample: Patients, described: pd.DataFrame, run: Run) -> tuple[pd.Series, str]:
    """The moderator of every patient, and its name within a sentence."""
    if asked.moderator == PRETEST:
        return sample.frame["baseline"], "severity before treatment"
    if asked.scales:
        column = terms.column(asked.moderator, asked.moderator_scale)
        return sample.frame[column], _label(run, asked.moderator, asked.moderator_scale)
    values = described.set_index("patient")[asked.moderator].reindex(sample.frame.index)
    return values, asked.moderator.replace("_", " ")


def _main(asked: Interaction, run: Run, frame: pd.DataFrame, data: pd.DataFrame, w) -> tuple[list[str], str, list[str]]:
    """Add both predictors; their columns, that of the one that is moderated, and those with a random slope.

    One scale, of the predictor or as moderator, comes with the others of its composite, as in M1b.
    """
    main, chosen, slopes = [], "", []
    for side in _sides(asked):
        apart = {asked.predictor: asked.scale, asked.moderator: asked.moderator_scale}.get(side)
        own = terms.scales_of(frame, side) if apart else [side]
        for column in own:
            values = frame[column].to_numpy(float)
            inner = not _of_therapists(run, side)
            name = terms.column(column, level=terms.WITHIN) if inner and asked.analysis == "comparison" else column
            data[name] = within_between(values, w)[0] if inner else values - values.mean()
            main.append(name)
            is_chosen = column == terms.column(asked.predictor, asked.scale)
            chosen = name if is_chosen else chosen
            slopes += [name] if inner and (is_chosen or column == side) else []
    return main, chosen, slopes


def _split(data: pd.DataFrame, column: str, values: pd.Series, w) -> None:
    """Add the parts of a variable within and between therapists."""
    for name, part in zip(terms.both_levels(column), within_between(values.to_numpy(float), w), strict=True):
        data[name] = part


def _read(asked: Interaction, values: pd.Series, label: str, sd_outcome: float) -> Moderator:
    """A number, or a category with its values; two numbers are a category too."""
    found, key = values.unique(), f"moderation: '{asked.text}': {label}"
    if len(found) < 2:
        raise UserError(problem(f"{key} has one value only", "name another moderator"))
    if asked.moderator == PRETEST:  # the outcome is turned: low is severe
        return Moderator(label, pd.DataFrame({"baseline": values}), -sd_outcome, {})
    if asked.scales:
        column = terms.column(asked.moderator, asked.moderator_scale)
        return Moderator(label, pd.DataFrame({column: values}), 1.0, {})
    if pd.api.types.is_datetime64_any_dtype(values):
        raise UserError(problem(f"{key} is a date", "name another moderator"))
    if pd.api.types.is_numeric_dtype(values) and len(found) != 2:
        return Moderator(label, pd.DataFrame({asked.moderator: values.astype(float)}), None, {})
    if len(found) > MOST_LEVELS:
        what = f"{key} has {len(found)} values, too many for a category"
        raise UserError(problem(what, "combine values in the data, or give it `kind: number` in the study file"))
    levels = {_text(value): value for value in sorted(found)}
    names = {text: f"{asked.moderator}_{text}" for text in levels}
    return Moderator(
        label, pd.DataFrame({names[t]: (values == v).astype(float) for t, v in levels.items()}), 1.0, names
    )


def _text(value: Any) -> str:
    """A value of a category; 1.0 is written 1."""
    return f"{value:g}" if isinstance(value, int | float | np.number) else str(value)


def _add(
    asked: Interaction, run: Run, moderator: Moderator, data: pd.DataFrame, raw: pd.Series, w
) -> tuple[str, dict[str, dict[str, str]]]:
    """Add the moderator's columns; the level that is tested, and by column its parts by level."""
    parts: dict[str, dict[str, str]] = {}
    if asked.scales and _of_therapists(run, asked.moderator):
        for column, values in moderator.frame.items():
            data[column] = values.to_numpy(float) - values.mean()
            parts[column] = {THERAPIST: column}
        return THERAPIST, parts
    tested = terms.WITHIN if _varying(raw, data) else terms.BETWEEN
    for column, values in moderator.frame.items():
        within, between = within_between(values.to_numpy(float), w)
        names = terms.both_levels(column)
        if asked.scales and asked.analysis == "pair":  # the main model has the part within therapists by this name
            names[0] = column
        columns = {terms.WITHIN: (names[0], within), terms.BETWEEN: (names[1], between)}
        parts[column] = {level: name for level, (name, _) in columns.items() if tested in (level, terms.WITHIN)}
        for level in parts[column]:
            data[columns[level][0]] = columns[level][1]
    return tested, parts


def _varying(raw: pd.Series, data: pd.DataFrame) -> int:
    """Therapists whose patients differ in the moderator."""
    values = raw.groupby(data["therapist"].to_numpy()).nunique()
    return int((values > 1).sum())


def _describe(
    moderator: Moderator, data: pd.DataFrame, tested: str, parts: dict[str, dict[str, str]], shareable: bool
) -> dict:
    """What the description of the set says of the moderator."""
    therapist = data["therapist"].to_numpy()
    modelled = list(moderator.frame)[1:] if moderator.levels else list(moderator.frame)
    columns = {level: [parts[c][level] for c in modelled] for level in parts[modelled[0]]}
    step = float(data[columns[tested][0]].std()) if moderator.step is None else moderator.step
    described = {"moderator_label": moderator.label, "step": step, "tested": tested, "columns": columns}
    if not moderator.levels:
        values = data[columns[tested][0]].to_numpy(float) / step
        return described | {"levels": [], **_observed(values, therapist, tested, shareable)}
    levels = [
        {"level": text, "indicator": parts[column][tested], "share": float(moderator.frame[column].mean()),
         "patients": int(moderator.frame[column].sum()),
         "therapists": len(set(therapist[moderator.frame[column].to_numpy() == 1]))}
        for text, column in moderator.levels.items()
    ]  # fmt: skip
    return described | {"levels": levels}


def _refuse(
    asked: Interaction, moderator: Moderator, data: pd.DataFrame, raw: pd.Series, weights: Membership, tested: str,
    covariates: int,
) -> None:  # fmt: skip
    """Refuse an interaction that cannot be estimated from these data."""
    key, name = f"moderation: '{asked.text}'", moderator.label
    therapist = data["therapist"].to_numpy()
    lines = [line for level in moderator.levels if (line := _few(key, moderator, level, therapist))]
    varying = _varying(raw, data)
    if tested == terms.WITHIN and varying < VARYING:
        few = f"{varying} therapist{'' if varying == 1 else 's'} only"
        what = f"{key}: {name} differs between patients of the same therapist for {few}"
        do = f"at least {VARYING} are needed, or none (then therapists are compared); delete this interaction"
        lines.append(problem(what, do))
    columns = 1 if not moderator.levels else len(moderator.levels) - 1
    least = 4 + covariates + ("baseline_between" in data) + 2 * columns
    if weights.shape[1] < least:
        what = f"{key}: {weights.shape[1]} therapists with complete data, but at least {least} are needed"
        lines.append(problem(what, "delete this interaction, or drop covariates"))
    if len(data) <= weights.shape[1] + 3:
        lines.append(problem(f"{key}: {TOO_FEW_THERAPISTS[0]}", "delete this interaction"))
    if lines:
        raise UserError(lines)


def _few(key: str, moderator: Moderator, level: str, therapist: np.ndarray) -> Problem | None:
    """That a value of a category has too few patients or therapists; a value of very few patients is not named."""
    has = moderator.frame[moderator.levels[level]].to_numpy() == 1
    n, of = int(has.sum()), len(set(therapist[has]))
    if n >= LEVEL_PATIENTS and of >= LEVEL_THERAPISTS:
        return None
    here = f"'{level}' has {n} patients of {of} therapist{'' if of == 1 else 's'}"
    here = f"a value of {moderator.label} has fewer than {SMALLEST} patients" if small(n) else here
    what = f"{key}: {here}, but {LEVEL_PATIENTS} patients of {LEVEL_THERAPISTS} therapists are needed"
    return problem(what, "combine it with another value in the data, or delete this interaction")


def _observed(values: np.ndarray, therapist: np.ndarray, tested: str, shareable: bool) -> dict:
    """Where the moderator was observed: means of five persons or more, or of therapists with as many patients."""
    own = pd.Series(values).groupby(therapist).mean()
    if tested == terms.BETWEEN:
        caseload = pd.Series(therapist).value_counts()[own.index].to_numpy()
        group = group_therapists(own, caseload) if shareable else np.arange(len(own))
        rug = own.groupby(group).mean()[lambda means: means.index >= 0].sort_values()
        return {"rug": rug.tolist(), "range": [float(rug.min()), float(rug.max())]}
    order = np.sort(values if tested == terms.WITHIN else own)
    rug = pd.Series(order).groupby(equal_blocks(len(order), BLOCKS, shareable)).mean()
    end = min(SMALLEST, len(order)) if shareable else 1
    return {"rug": rug.tolist(), "range": [float(order[:end].mean()), float(order[-end:].mean())]}


def _meaning(name: str, run: Run) -> tuple[str, str, str]:
    """Meaning, unit and source of a column."""
    if name in ("patient", "therapist", "unit", "in_unit", "y"):
        return meaning(name)
    term = terms.parse(name)
    if term.variable not in (*terms.PREDICTORS, *terms.SIDES):
        return meaning(name)
    level = terms.LEVELS[term.level] if term.level else "centred"
    label = _label(run, term.variable)
    return f"{label}: {term.scale or 'composite'}, {level}", "reference SD", "scores"
