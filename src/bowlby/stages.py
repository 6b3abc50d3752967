"""The stages of a run: each reads the files of the one before and writes its own."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import pandas as pd

from bowlby.config import Loaded
from bowlby.config.run import IDEATION, Run
from bowlby.errors import UserError, existing
from bowlby.files import harmless, read_json, read_parquet, read_set, write_csv, write_json, write_parquet
from bowlby.terms import MEDIATION, MODERATION, RESPONSE_SURFACE

CSV_ROWS = 200_000
log = logging.getLogger("bowlby")


def ingest(loaded: Loaded, folder: Path) -> None:
    """Raw files to people, measures, issues and flow, with their data dictionary."""
    from bowlby.dictionary import write_dictionary
    from bowlby.ingest import ingest as read_study

    result = read_study(loaded)
    for name, table in result.people.items():
        write_parquet(folder / f"people/{name}.parquet", table)
    for instrument, table in result.measures.items():
        write_parquet(folder / f"measures/{instrument}.parquet", table)
    write_csv(folder / "issues.csv", harmless(result.issues))
    write_json(folder / "people/flow.json", result.flow)
    write_dictionary(folder, loaded.run.run, loaded.title, result.tables)
    log.info("%d instruments, %d issues", len(result.measures), len(result.issues))


def score(loaded: Loaded, folder: Path, instruments: list[str], processes: int = 1) -> None:
    """Measures to scores with their dictionary, and to tables of reliability, keys, severity, styles and change."""
    from bowlby.dictionary import write_dictionary
    from bowlby.instruments.direction_checks import across
    from bowlby.instruments.score_tables import stack
    from bowlby.processes import side_by_side

    sites = sites_of({role: read_parquet(folder / f"people/{role}s.parquet") for role in ("patient", "therapist")})
    scored = side_by_side(partial(_score, loaded, folder, sites), instruments, processes=processes)
    tables, described, scales = zip(*scored, strict=True)
    audited = {"keying_audit": across(dict(zip(instruments, scales, strict=True)))}
    for name, table in stack([*tables, audited]).items():
        write_csv(folder / f"{name}.csv", harmless(table))
    parts = [table for own in described for table in own]
    write_dictionary(folder / "scores", f"{loaded.run.run}-scores", f"Scores of {loaded.title}", parts)


def _score(loaded: Loaded, folder: Path, sites: dict[str, pd.Series], name: str) -> tuple[dict, list, pd.DataFrame]:
    """Write an instrument's scores; its tables, its dictionary, and its scales by which higher is better."""
    from bowlby.instruments.cells import coded
    from bowlby.instruments.direction_checks import directed
    from bowlby.instruments.score_tables import score_tables, summarise

    measures = read_parquet(folder / f"measures/{name}.parquet")
    instrument, items, scores = score_instrument(loaded, name, measures)
    write_parquet(folder / f"scores/{name}.parquet", scores)
    scores, items, measures = coded(scores, items, measures)
    occasions, shareable = change_occasions(loaded, scores), loaded.run.privacy == "shareable"
    tables = summarise(scores, items, instrument, occasions, shareable, measures, sites)
    described = score_tables({name: scores}, {name: instrument})
    log.info("%s: %d rows scored", name, len(scores))
    return tables, described, directed(scores, instrument, measures, sites)


def score_instrument(loaded: Loaded, name: str, measures: pd.DataFrame):
    """One instrument's measures as scores.

    Returns
    -------
    instrument : Instrument
        On the response range of the study's form.
    items : DataFrame or None
        The measures as the instrument counts; None where scores were given.
    scores : DataFrame

    Raises
    ------
    UserError
        One line for each problem of the form or of its values.
    """
    from bowlby.instruments.scoring import score_items_or_given as score_measures

    instrument = on_study_forms(loaded, name)
    items, scores = score_measures(measures, instrument)
    asked = {outcome.scale for outcome in loaded.run.other_outcomes if outcome.instrument == name}
    return instrument, items, scores.drop(columns={*instrument.flagged()} - asked, errors="ignore")


def answers(loaded: Loaded, name: str, measures: pd.DataFrame):
    """An instrument on the study's forms, and the answers to its items (None where scores are given).

    Returns
    -------
    instrument : Instrument
    items : DataFrame or None
    """
    from bowlby.instruments.scoring import answered_rows

    instrument = on_study_forms(loaded, name)
    return instrument, answered_rows(measures, instrument)


def on_study_forms(loaded: Loaded, name: str):
    """An instrument on the response ranges of the study's forms."""
    from bowlby.instruments.catalogue import load_instrument
    from bowlby.instruments.model import on_forms

    return on_forms(load_instrument(name, loaded.instruments_dir), loaded.study.responses(name))


def sites_of(people: dict[str, pd.DataFrame]) -> dict[str, pd.Series]:
    """By role, the site of each person, where it is known."""
    return {role: table.set_index(role)["site"] for role, table in people.items() if "site" in table.columns}


def audit_keys(made: dict[str, tuple], measures: dict[str, pd.DataFrame], people: dict[str, pd.DataFrame]):
    """The audit of all keys as the score stage makes it (:func:`bowlby.instruments.audit.audit`); nothing is written.

    By instrument, what :func:`score_instrument` made, and the measures it was made from; patients and therapists.
    """
    from bowlby.instruments.direction_checks import across, directed
    from bowlby.instruments.score_tables import key_audit, stack

    sites = sites_of({role: people[f"{role}s"] for role in ("patient", "therapist")})
    tables, scales = [], {}
    for name, (instrument, items, scores) in made.items():
        tables.append({"keying_audit": key_audit(scores, items, instrument, measures[name], sites)})
        scales[name] = directed(scores, instrument, measures[name], sites)
    return stack([*tables, {"keying_audit": across(scales)}])["keying_audit"]


def change_occasions(loaded: Loaded, scores: pd.DataFrame) -> tuple[str, str]:
    """The outcome's occasions before and after, or the first and last at which the instrument was answered."""
    asked = loaded.run.outcome or loaded.run.scores
    if asked and asked.pre and asked.post:
        return asked.pre, asked.post
    answered = set(scores["occasion"].unique())
    order = [o.id for o in loaded.study.occasions if o.id in answered]
    return (order[0], order[-1]) if len(order) > 1 else ("", "")


PEOPLE = ("patients", "therapists", "episodes")


def design(loaded: Loaded, folder: Path, name: str, instruments: list[str]) -> None:
    """Scores and people to one analysis set."""
    scores = {i: read_parquet(folder / f"scores/{i}.parquet") for i in instruments}
    people = {i: read_parquet(folder / f"people/{i}.parquet") for i in PEOPLE}
    forms = partial(_stored, loaded, folder)
    built = analysis_sets(loaded, scores, people, forms)(name)
    if name == "primary":
        from bowlby.design.measurement import factor_structure, with_errors

        built = with_errors(built, loaded.run, scores, forms)
        built.design["structure"] = factor_structure(built, loaded.run, forms)
        own = existing(loaded.run.comparison).patient_style
        by_patient = own and own.about == "self" and not loaded.study.coded(own.instrument)
        built.design["own_style_rated_by_patient"] = bool(by_patient)
    stem = folder / "analysis" / name
    for part, table in (("", built.data), (".membership", built.membership)):
        write_parquet(stem.with_suffix(f"{part}.parquet"), table)
        path = stem.with_suffix(f"{part}.csv")
        write_csv(path, harmless(table)) if len(table) <= CSV_ROWS else path.unlink(missing_ok=True)
    write_csv(stem.with_suffix(".columns.csv"), harmless(built.columns))
    if adequacy := built.design.pop("adequacy", None):
        write_json(folder / "adequacy.json", adequacy)
    write_json(stem.with_suffix(".design.json"), built.design)
    write_json(stem.with_suffix(".flow.json"), {"steps": built.flow})
    log.info("%s: %d rows", name, len(built.data))


def _stored(loaded: Loaded, folder: Path, name: str, occasion: str | None = None):
    rows = {"filters": [("occasion", "==", occasion)]} if occasion else {}
    return answers(loaded, name, read_parquet(folder / f"measures/{name}.parquet", **rows))


def analysis_sets(loaded: Loaded, scores: dict, people: dict[str, pd.DataFrame], forms: Callable, described=True):
    """Gives an analysis set of a run by name (:func:`bowlby.design.analysis_sets.build_set`).

    ``forms`` does what :func:`answers` does, by name. ``described=False`` omits what only the report uses.
    """
    from bowlby.design.analysis_sets import build_set
    from bowlby.design.primary import compared

    order = [o.id for o in loaded.study.occasions]
    sample, key = cache(partial(compared, loaded.run, scores, people, order)), partial(on_study_forms, loaded)
    return lambda name: build_set(loaded.run, loaded.study, name, scores, people, forms, key, sample, described)


def fit(loaded: Loaded, folder: Path, name: str) -> None:
    """Analysis set to the fits of its models, with the second engine's for comparison."""
    from bowlby.fit.models import second_of

    data, membership, described = read_set(folder, name)
    fits = fits_of(loaded.run, name, data, membership, described)
    for model, fitted in fits.items():
        write_json(folder / f"fits/{model}.json", fitted.record)
        write_parquet(folder / f"fits/{model}.random.parquet", fitted.effects)
        log.info("%s: log-likelihood %.4f, singular %s", model, fitted.record["llf"], fitted.record["singular"])
    write_json(folder / f"fits/second/{name}.json", second_of(name, data, fits))


def stored_fits(folder: Path) -> dict[str, dict]:
    """The kept fits of a run's folder by model."""
    return {p.stem: read_json(p) for p in sorted((folder / "fits").glob("*.json"))}


def fits_of(run: Run, name: str, data: pd.DataFrame, membership: pd.DataFrame, described: dict, with_c2: bool = True):
    """The fits of one analysis set by model, as of :func:`bowlby.fit.models.fit_set`.

    Raises
    ------
    UserError
        Where a model cannot be fitted to these data, or tells an estimate but not its standard error.
    """
    from bowlby.fit.growth import fit_growth
    from bowlby.fit.mediation import fit_mediation
    from bowlby.fit.models import fit_set
    from bowlby.fit.moderation import fit_moderation
    from bowlby.fit.record import constant_outcome, without_error
    from bowlby.fit.response_surface import fit_response_surface
    from bowlby.fit.session_to_session import fit_session_to_session

    if name in ("clinical_change", "style_transitions"):
        return {}
    outcome = existing(run.outcome)
    if constant := constant_outcome(f"{outcome.instrument} {outcome.scale}", name, data):
        raise UserError(constant)
    if name == "session_to_session":
        fits = fit_session_to_session(data, described)
    elif name in MEDIATION:
        fits = fit_mediation(name, data, membership, described)
    elif name.startswith(MODERATION):
        fits = fit_moderation(name, data, membership, described)
    elif name.startswith(RESPONSE_SURFACE):
        fits = fit_response_surface(name, data, membership, described)
    elif name == "growth":
        fits = fit_growth(data, described, existing(run.growth).reml)
    else:
        fits = fit_set(name, data, membership, described, with_c2)
    if lines := [line for model, fitted in fits.items() if (line := without_error(model, fitted.record))]:
        raise UserError(lines)
    return fits


def estimate(loaded: Loaded, folder: Path) -> None:
    """Primary analysis set and fits to the estimands."""
    for name, record in estimands_of(loaded.run, folder).items():
        write_json(folder / f"estimands/{name}.json", record)


def estimands_of(run: Run, folder: Path) -> dict[str, dict]:
    """The estimands of the primary analysis set and the fits in a run's folder, by name."""
    from bowlby.design.adequacy import adequacy_at_icc
    from bowlby.estimands.estimate import estimate as compute

    data, membership, described = read_set(folder, "primary")
    records = compute(data, membership, described, stored_fits(folder), existing(run.comparison).delta, run.seed)
    variance = records["variance"]
    variance["adequacy"] = adequacy_at_icc(read_json(folder / "adequacy.json"), variance["icc"])
    return records


def judge_domains(loaded: Loaded, folder: Path) -> None:
    """Scores to the comparison for other outcomes than the registered one, and to what suicidal ideation needs."""
    from bowlby.compare.domains import domains
    from bowlby.estimands.suicidal_ideation import suicidal_ideation

    run, order = loaded.run, [o.id for o in loaded.study.occasions]
    scores = {path.stem: read_parquet(path) for path in (folder / "scores").glob("*.parquet")}
    people = {i: read_parquet(folder / f"people/{i}.parquet") for i in PEOPLE}
    if run.other_outcomes:
        primary = read_json(folder / "fits/primary.json")
        write_json(folder / "domains.json", domains(run, scores, people, order, primary))
    if rated := run.of_domain(IDEATION):
        keys = {outcome.instrument: on_study_forms(loaded, outcome.instrument) for outcome in rated}
        write_json(folder / "suicidal_ideation.json", suicidal_ideation(run, scores, people, order, keys))


def compare_pair(loaded: Loaded, folder: Path) -> None:
    """The fit of two predictors to their verdict and its robustness checks."""
    from bowlby.robustness.pair import pair_doubts

    run = loaded.run
    doubts = pair_doubts(*read_set(folder, "pair"), existing(run.pair).delta, run.seed)
    write_json(folder / "pair.json", pair_of(run, folder) | {"doubts": doubts})


def pair_of(run: Run, folder: Path) -> dict:
    """The verdict on two predictors from the fit in a run's folder."""
    from bowlby.compare.pair import compare_pair as decide

    return decide(run, read_json(folder / "fits/pair.json"), read_json(folder / "analysis/pair.design.json"))


def compare_session_to_session(loaded: Loaded, folder: Path) -> None:
    """The fits of the sessions to what is said of which comes first."""
    write_json(folder / "session_to_session.json", lead_of(loaded.run, folder))


def lead_of(run: Run, folder: Path) -> dict:
    """What is said of which of two series comes first, from the fits in a run's folder."""
    from bowlby.compare.session_to_session import decide_lead
    from bowlby.fit import models_of

    fits = {name: read_json(folder / f"fits/{name}.json") for name in models_of("session_to_session", set())}
    return decide_lead(run, fits, read_json(folder / "analysis/session_to_session.design.json"))


def mediate(loaded: Loaded, folder: Path) -> None:
    """The fits of the mediators to indirect, direct and total effects."""
    from bowlby.estimands.mediation import mediation_of

    mediators = existing(loaded.run.mediation).mediators
    write_json(folder / "mediation.json", mediation_of(mediators, folder, loaded.run.seed))


def examine_change(loaded: Loaded, folder: Path, name: str) -> None:
    """The analysis set of a change of patients (``clinical_change``, ``style_transitions``) to its record."""
    write_json(folder / f"{name}.json", change_of(loaded.run, folder, name))


def change_of(run: Run, folder: Path, name: str) -> dict:
    """What is said of a change of patients, from its analysis set in a run's folder."""
    from bowlby.estimands import clinical_change, style_transitions

    module = {"clinical_change": clinical_change, "style_transitions": style_transitions}[name]
    return module.examine(*read_set(folder, name), run.privacy == "shareable")


def moderate(loaded: Loaded, folder: Path) -> None:
    """The fits of the interactions to slopes, bands and regions."""
    from bowlby.compare.moderation import moderation_of

    write_json(folder / "moderation.json", moderation_of(loaded.run, folder))


def match(loaded: Loaded, folder: Path) -> None:
    """The fits of the response surfaces to what is said of a match."""
    from bowlby.compare.response_surface import surfaces_of

    write_json(folder / "response_surface.json", surfaces_of(loaded.run, folder))


def compare_growth(loaded: Loaded, folder: Path) -> None:
    """The fits of the course to the claims on its predictors."""
    write_json(folder / "growth.json", growth_of(loaded.run, folder))


def growth_of(run: Run, folder: Path) -> dict:
    """The claims on the predictors of the course, from the fits in a run's folder."""
    from bowlby.compare.growth import compare_growth as decide

    fits = stored_fits(folder)
    design = read_json(folder / "analysis/growth.design.json")
    return decide(run, fits["growth"], fits.get("growth_between"), design, fits.get("growth_within"))


def compare(loaded: Loaded, folder: Path) -> None:
    """Fits to comparison and verdict."""
    if loaded.run.robustness:
        from bowlby.robustness.provenance import check_tables

        check_tables(loaded.run, folder)
    for name, record in verdict_of(loaded.run, folder).items():
        write_json(folder / name, record)


def verdict_of(run: Run, folder: Path) -> dict[str, dict]:
    """By file, comparison, verdict and summary of the replicates, from the files that a run's folder holds."""
    from bowlby.compare import in_words

    comparison, verdict = decide_run(run, folder)
    fits = stored_fits(folder)
    out: dict[str, dict] = {}
    if run.robustness:
        from bowlby.robustness.stage import assess_robustness

        out["robustness.json"] = assess_robustness(run, folder, fits, verdict["claims"])
    words = in_words(verdict, fits, existing(run.comparison).delta)
    return out | {"comparison.json": comparison | {"sentence": words["sentence"]}, "verdict.json": verdict | words}


def decide_run(run: Run, folder: Path) -> tuple[dict, dict]:
    """Comparison and verdict of the fits and estimands in a run's folder, before robustness is weighed."""
    from bowlby.compare import compare as decide

    estimands = {name: read_json(folder / f"estimands/{name}.json") for name in ("measurement", "sensitivity")}
    design, adequacy = (read_json(folder / name) for name in ("analysis/primary.design.json", "adequacy.json"))
    lead = lead_of(run, folder) if run.session_to_session else None
    return decide(run, stored_fits(folder), design, adequacy, estimands, lead)
