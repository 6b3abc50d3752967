"""Forms that count from another number, or have other categories, than the instrument."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from bowlby.config.study import Measure
from bowlby.ingest import check, ingest
from bowlby.ingest.issues import Issues
from bowlby.ingest.response_range import in_range
from bowlby.instruments.catalogue import load_instrument

STUDY = """name: s
occasions: [pre, post]
files:
  - path: a.csv
    who: {person: id, therapist: th}
    when: {%s}
    measures: [{instrument: %s, items: "q{n}"%s}]
"""
THERAPISTS = """  - path: b.csv
    who: {person: id, role: therapist}
    measures: [{instrument: ecr_s, items: "q{n}"%s}]
"""


def study(instrument, keys="", when="occasion: pre"):
    return STUDY % (when, instrument, keys and f", {keys}")


def answers(instrument, persons, seed, skew=1.2):
    """Answers of one factor, skewed to the low end."""
    low, high = instrument.response
    rng = np.random.default_rng(seed)
    latent = rng.normal(size=(persons, 1)) + rng.normal(size=(persons, instrument.n_items))
    shares = 1 / (1 + np.exp(skew - latent))
    return low + np.minimum(np.floor(shares * (high - low + 1)), high - low)


def file(values, **columns):
    values = np.asarray(values)
    data = pd.DataFrame({"id": [f"p{i}" for i in range(len(values))], "th": [f"T{i % 3}" for i in range(len(values))]})
    data = data.assign(**columns)
    items = pd.DataFrame(values, columns=[f"q{n + 1}" for n in range(values.shape[1])]).astype("Int64")
    return pd.concat([data, items], axis=1).to_csv(index=False)


def found_in(instrument, values):
    """What is found in the answers of a form, without a file around it."""
    items = {f"i{n + 1:02}": f"q{n + 1}" for n in range(values.shape[1])}
    raw = SimpleNamespace(spec=SimpleNamespace(header_row=1), place={"file": "a.csv", "sheet": None}, labels={})
    issues = Issues()
    measure = Measure(instrument=instrument.id, items="q{n}")
    kept = in_range(raw, measure, instrument, items, pd.DataFrame(values, columns=list(items)), [], issues)
    assert (kept.to_numpy() == values).all()
    return [severity for severity, _ in issues.lines()]


def test_a_thousand_clean_samples_of_5_to_40_persons_are_no_error():
    rng, names = np.random.default_rng(20261125), ("phq9", "ecr_s", "wai_sr", "cats")
    severities = []
    for sample in range(1000):
        instrument = load_instrument(names[sample % 4])
        values = answers(instrument, int(rng.integers(5, 41)), sample, skew=rng.uniform(-2, 3))
        severities += found_in(instrument, values)
    assert severities.count("error") == 0
    assert severities.count("warning") <= 2


def test_twelve_therapists_on_a_form_from_zero(made, error_lines):
    ecr = load_instrument("ecr_s")
    values = answers(ecr, 12, 1, skew=0) - 1
    assert (values == 0).any()
    loaded = made(study("ecr_s"), a__csv=file(values))
    assert error_lines(loaded) == [
        "error: a.csv:1:q1: all answers are from 0 to 6, the form's from 1 to 7; give `response: [0, 6]`, or list 0 "
        "under `missing:` if it means no answer"
    ]
    table = ingest(made(study("ecr_s", "response: [0, 6]"), a__csv=file(values))).measures["ecr_s"]
    items = table.set_index("person").loc[[f"p{i}" for i in range(12)]].filter(regex=r"^i\d")
    assert (items.to_numpy() == values + 1).all()


@pytest.mark.parametrize("persons", [1, 5, 12, 200])
@pytest.mark.parametrize("codes", [[], [99], [-1], [9]])
def test_a_phq9_counted_from_one_whatever_the_number_of_answers_and_the_codes(made, error_lines, persons, codes):
    values = answers(load_instrument("phq9"), persons, 2, skew=0) + 1
    values[0, 0] = 4
    for n, code in enumerate(codes):
        values[-1, -1 - n] = code
    (line,) = error_lines(made(study("phq9"), a__csv=file(values)))
    but = " (but for codes)" if codes else ""
    assert f"all answers are from 1 to 4{but}, the form's from 0 to 3; give `response: [1, 4]`" in line


def test_a_stated_range_settles_it(made):
    values = answers(load_instrument("phq9"), 12, 2, skew=0) + 1
    for response in ("[1, 4]", "[0, 3]"):
        found = check(made(study("phq9", f"response: {response}"), a__csv=file(values)))
        assert not found["severity"].eq("error").any()
    clean = check(made(study("phq9", "response: [0, 3]"), a__csv=file(np.clip(values, 1, 3))))
    assert len(clean) == 0


def test_where_no_answer_is_outside_it_is_a_warning_with_the_share(made):
    values = np.tile([1, 1, 2, 3, 1, 2, 1, 1, 2], (12, 1))
    found = check(made(study("phq9"), a__csv=file(values)))
    assert found[["severity", "code", "row", "column", "what", "action", "n"]].to_numpy().tolist() == [
        [
            "warning", "unused_end", 1, "q1",
            "none of 108 answers is 0, and 56% are 1: the form may count from 1",
            "say which it is: `response: [1, 4]`, or `response: [0, 3]`", 108,
        ]
    ]  # fmt: skip


def test_one_wave_that_counts_from_another_number_is_named(made, error_lines):
    phq = load_instrument("phq9")
    pre, post = answers(phq, 20, 1, skew=0), answers(phq, 20, 2, skew=0) + 1
    when = ["pre"] * 20 + ["post"] * 20
    text = file(np.vstack([pre, post]), t=when, id=[f"p{i % 20}" for i in range(40)])
    (line,) = error_lines(made(study("phq9", when="column: t"), a__csv=text))
    assert line == (
        "error: a.csv:1:q1: all answers of occasion post are from 1 to 4, the form's from 0 to 3; "
        "recode the file there, or list 4 under `missing:` if it means no answer"
    )
    silent = file(np.vstack([pre, np.minimum(post, 3)]), t=when, id=[f"p{i % 20}" for i in range(40)])
    found = check(made(study("phq9", when="column: t"), a__csv=silent))
    assert found["what"].tolist()[0].startswith("none of 180 answers of occasion post is 0, and ")


def test_files_that_count_from_different_numbers_are_one_instrument(made):
    ecr = load_instrument("ecr_s")
    patients, therapists = answers(ecr, 30, 1), answers(ecr, 12, 2)
    text = study("ecr_s") + THERAPISTS % ", response: [0, 6]"
    files = {"a__csv": file(patients), "b__csv": file(therapists - 1, id=[f"T{i}" for i in range(12)])}
    table = ingest(made(text, **files)).measures["ecr_s"]
    own = table[table["role"].eq("therapist")].set_index("person").loc[[f"T{i}" for i in range(12)]]
    assert (own.filter(regex=r"^i\d").to_numpy() == therapists).all()


def test_forms_with_different_numbers_of_categories_are_an_error_of_check(made):
    text = study("ecr_s") + THERAPISTS % ", response: [1, 5]"
    found = check(made(text, a__csv=file(answers(load_instrument("ecr_s"), 20, 1)), b__csv="id\n1\n"))
    assert found[found["severity"].eq("error")][["file", "what", "action"]].to_numpy().tolist() == [
        [
            "study.yaml",
            "forms of ecr_s have different numbers of categories: 1 to 5 and 1 to 7",
            "give one of the forms an instrument file of its own",
        ]
    ]


@pytest.mark.parametrize("high", [5, 9])
def test_a_recode_does_not_fit_another_number_of_categories(made, error_lines, high):
    values = np.random.default_rng(1).integers(1, high + 1, (30, 8))
    (line,) = error_lines(made(study("rfq8", f"response: [1, {high}]"), a__csv=file(values)))
    assert line == (
        f"error: study.yaml: rfq8 cannot be scored on a form from 1 to {high} (scale RFQ_C: a recode has 7 values for "
        f"{high} response categories, scale RFQ_U: a recode has 7 values for {high} response categories); "
        "correct `response:`, or give the form an instrument file of its own"
    )


def test_a_form_with_one_more_category_loses_no_top_answers_in_silence(made, error_lines):
    values = np.random.default_rng(1).integers(1, 8, (12, 36))
    (line,) = error_lines(made(study("cats"), a__csv=file(values)))
    assert "values are outside 1 to 6, in most items: the form may have another range" in line


def test_a_range_that_is_none_is_an_error(made, error_lines):
    (line,) = error_lines(made(study("phq9", "response: [3, 0]"), a__csv=file(np.ones((9, 9)))))
    assert "phq9 cannot be scored on a form from 3 to 0 (response 3 to 0 is no range)" in line
