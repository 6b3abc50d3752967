"""The methods text says what was run, and cites what it says."""

import re
from importlib import import_module
from pathlib import Path

import pandas as pd
import yaml

from bowlby import report
from bowlby.files import read_json, write_csv, write_json, write_text
from bowlby.report import methods, methods_models, methods_robustness, methods_sessions
from bowlby.report.methods import _marked, paragraphs, references
from bowlby.report.methods_models import counted, fitted, random_part
from bowlby.report.references import MARK, cite, cited, works
from bowlby.results import Results
from bowlby.tables import sheets


def changed(path: Path, **values) -> None:
    write_json(path, {**read_json(path), **values})


def test_every_work_is_cited_somewhere_and_every_mark_is_a_work():
    section = import_module("bowlby.report.sections.methods")
    modules = (methods, methods_robustness, methods_models, methods_sessions, section)
    sources = "".join(Path(module.__file__).read_text("utf-8") for module in modules)
    assert set(MARK.findall(sources)) == set(works())
    for short, full in works().values():
        year = short[-4:]
        assert f"({year})" in full and "doi:10." in full and full.startswith(re.split(r"[ ,]", short)[0]), short


def test_marks_become_short_forms_and_unknown_ones_stay():
    assert cite("([[berger]]) [[nobody]]") == "(Berger, 1982) [[nobody]]"
    assert cited(["a [[berger]]", "[[nobody]]"]) == {works()["berger"][1]}


def test_references_are_the_works_in_the_text(comparison_run):
    results = Results(comparison_run())
    text = " ".join(paragraphs(results))
    assert "[[" not in text
    short_forms = {full: short for short, full in works().values()}
    for work in references(results):
        assert work not in short_forms or short_forms[work] in text
    assert {m for text in _marked(results) for m in MARK.findall(text)} >= {"kenward", "berger", "browne", "cronbach"}


def test_sentences_follow_the_run(comparison_run):
    folder = comparison_run()
    text = report.methods_text(Results(folder))
    assert "A patient who switched therapist was a member of all of them, weighted by share of sessions" in text
    assert "Therapists had a random intercept." in text and "with degrees of freedom by Kenward-Roger" in text
    assert "Robustness was" not in text and "alliance" not in text and "Shares of variance" not in text
    write_json(folder / "analysis/primary.design.json", {"n_switching": 0})
    slope = {"group": "therapist", "term": "perceived_within", "term2": None, "variance_or_cov": 1.0, "sd_or_corr": 1.0}
    fit = read_json(folder / "fits/primary.json")
    changed(folder / "fits/primary.json", random=[*fit["random"], slope], reml=False, vcov_adjusted=fit["vcov"])
    record = {"sandwich": {"replicates": 1}, "cluster": {"replicates": 500, "intervals": {"P": {"ci": [0, 1]}}}}
    write_json(folder / "robustness.json", record)
    text = report.methods_text(Results(folder))
    assert "No patient switched therapist." in text and "Browne" not in text
    assert "a random intercept and an uncorrelated random slope of perceived attachment" in text
    assert "by maximum likelihood" in text and "standard errors and degrees of freedom by Kenward-Roger" in text
    assert "CR2, Pustejovsky & Tipton, 2018" in text
    assert "resampled therapists with their patients (500 replicates)" in text
    assert "Efron" not in text, "no interval of that kind was computed"


def test_estimated_traces_are_said_with_their_error(comparison_run):
    folder = comparison_run()
    fit = read_json(folder / "fits/primary.json")
    assert "random vectors" not in report.methods_text(Results(folder))
    fixed = [f | {"df_se": 0.0005 * f["df"]} for f in fit["fixed"]]
    changed(folder / "fits/primary.json", fixed=fixed)
    text = report.methods_text(Results(folder))
    assert "random vectors (Hutchinson, 1989)" in text and "their standard error is at most 0.05% of them" in text


def test_scores_from_items_and_given_ones_are_told_apart(comparison_run):
    folder = comparison_run()
    audit = pd.read_csv(folder / "keying_audit.csv")
    given = audit.iloc[[0]].assign(instrument="phq9", observed="verified", verdict="ok")
    write_csv(folder / "keying_audit.csv", pd.concat([audit, given]))
    text = report.methods_text(Results(folder))
    assert "Client Attachment to Therapist Scale (CATS) was scored from the items with the key" in text
    assert "Scores of PHQ-9 were given and checked against their range" in text


def test_correlated_slopes_are_not_called_uncorrelated():
    rows = [("patient", "Intercept", None), ("patient", "time", None), ("patient", "Intercept", "time"),
            ("therapist", "Intercept", None)]  # fmt: skip
    fit = {"random": [{"group": g, "term": t, "term2": u} for g, t, u in rows]}
    patients, therapists = random_part(fit).split("; ")
    assert patients == "patients had a random intercept and a random slope of time"
    assert therapists == "therapists had a random intercept"
    slopes = [
        {"group": "therapist", "term": t, "term2": None} for t in ("perceived_within", "perceived_within_by_time")
    ]
    assert random_part({"random": slopes}).endswith("slope of perceived attachment × time")


def test_occasions_are_said_and_what_the_second_fit_leaves_out(comparison_run):
    folder = comparison_run()
    config = Results(folder).config
    config["outcome"] |= {"pre": "intake", "post": "termination"}
    config["comparison"] |= {"perceived": {"instrument": "cats", "occasion": "session_5", "weights": {"secure": 1.0}}}
    write_text(folder / "config.yaml", yaml.safe_dump(config))
    differs = ["no random slope", "switching patients counted with the main therapist"]
    second = {"fixed": [{"term": "Intercept"}], "differs_by_design": differs}
    write_json(folder / "fits/second/primary.json", second)
    text = report.methods_text(Results(folder))
    assert "The outcome (at termination) was regressed on the baseline outcome" in text
    assert "baseline outcome (at intake; within and between therapists)" in text
    assert "; at session 5) centred within therapists" in text
    assert re.search("statsmodels .*, without random slopes and with the main therapist only", text)


def test_two_predictors_are_described(tmp_path, comparison_run):
    sides = {"first": "warmth", "second": "own security"}
    fit = read_json(comparison_run() / "fits/primary.json")
    random = [fit["random"][0] | {"term": t} for t in ("Intercept", "first")]
    write_json(tmp_path / "fits/pair.json", fit | {"random": random, "vcov_adjusted": fit["vcov"]})
    record = {"labels": sides, "roles": {"first": "patient", "second": "therapist"}, "delta": 0.1}
    write_json(tmp_path / "pair.json", record | {"standardiser": "reference"})
    write_json(tmp_path / "analysis/pair.design.json", {"baseline": True, "n_switching": 3})
    block = {"instrument": "mine", "about": "mother", "occasion": "session_5", "weights": {"anxiety": -1.0}}
    config = {
        "outcome": {"instrument": "phq9", "pre": "intake", "post": "end", "higher_is_better": False},
        "pair": {"first": block, "second": block | {"about": "self", "occasion": None}, "covariates": ["age"]},
    }
    write_text(tmp_path / "config.yaml", yaml.safe_dump(config))
    text = report.methods_text(Results(tmp_path))
    assert "The outcome was PHQ-9 at end, multiplied by −1 so that higher is better" in text
    assert "warmth (mine about mother, anxiety −1; answered by patients at session 5), centred within ther" in text
    assert "own security (mine, anxiety −1; answered by therapists), between therapists" in text
    assert "also has outcome before treatment (at intake) and age, split into within and between" in text
    assert "a random intercept and an uncorrelated random slope of warmth" in text
    assert "by share of sessions" in text and "by restricted maximum likelihood" in text and "reference SD" in text
    assert "The hypothesis that the slope of own security is negligible" in text
    assert "bound 0.1" in text and "Berger" in text
    assert "not adjusted for" not in text and "[[" not in text
    write_json(tmp_path / "analysis/pair.design.json", {"baseline": False, "n_switching": 0})
    assert "There was no earlier outcome to adjust for." in report.methods_text(Results(tmp_path))


def test_doubtful_units_stand_below_every_table_of_standardised_numbers(comparison_run):
    folder = comparison_run()
    assert "Doubtful units" not in " ".join(sheet.note for _, sheet in sheets(Results(folder)).values())
    far = [{"scale": "phq9 total", "sample_sd": 0.7, "reference_sd": 6.1}]
    write_json(folder / "comparison.json", read_json(folder / "comparison.json") | {"far_from_reference": far})
    found = sheets(Results(folder))
    said = "more than twice or less than half the reference *SD* (phq9 total 0.70 for 6.10)."
    assert [name for name, (_, sheet) in found.items() if sheet.note.endswith(said)] == ["table1", "claims"]


def test_methods_begin_with_the_estimands_and_say_where_the_analysis_was_registered(comparison_run):
    folder = comparison_run()
    write_json(folder / "analysis/primary.design.json", {"n_switching": 3})
    config = Results(folder).config
    text = paragraphs(Results(folder))
    assert text[0].startswith("Estimands: the difference in outcome") and "(T), at equal baseline outcome" in text[0]
    assert text[0].endswith("Complete cases were analysed. For patients with several therapists, each therapist is "
                            "weighted by the share of sessions.")  # fmt: skip
    assert text[1] == "[State where the analysis was registered, or that it was not.]"
    config["registration"] = {
        "address": "doi:10.1/x",
        "date": "2025-03-01",
        "before": "access",
        "deviations": ["Two sites joined later.", "Age was added"],
    }
    changed(folder / "manifest.json", config=config)
    assert paragraphs(Results(folder))[1] == (
        "The analysis was registered on 2025-03-01, before the data were accessed (doi:10.1/x). Deviations from the "
        "registration: Two sites joined later; Age was added."
    )


def reml_fit(**other):
    return {"reml": True, "engine": "bowlby.mixed", "df_method": "kenward-roger", "fixed": [], **other}


def test_a_slope_variance_of_0_is_said_to_count_as_known():
    said = fitted(reml_fit(known_zero=["perceived_within"]))
    assert said.endswith("estimated as 0 (boundary); it counts as known in standard errors and degrees of freedom.")
    assert "they count" in counted(reml_fit(known_zero=["first", "second"]))


def test_nothing_is_said_where_none_is_known():
    for other in ({}, {"known_zero": []}, {"known_zero": ["perceived_within"], "df_method": "satterthwaite"}):
        assert counted(reml_fit(**other)) == ""
