"""``import bowlby``: what it costs, and that its examples and its scores on a bare frame are right."""

import doctest
import inspect
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import bowlby
from bowlby.instruments.scoring import score as score_items

PUBLIC = {"score", "load_instrument", "reliability", "load_results", "MixedModel", "plan_study", "simulate_study",
          "UserError"}  # fmt: skip


@pytest.fixture
def answers():
    """PHQ-9 of three patients under labels of their own."""
    frame = pd.DataFrame({f"phq_{n}": [n % 4, 1, 3] for n in range(1, 10)}, index=["a", "b", "c"])
    return frame.astype("Int64")


def test_import_loads_neither_numpy_nor_pandas_nor_a_part_of_bowlby():
    code = (
        "import sys; import bowlby; print(*[m for m in sys.modules if m.partition('.')[0] in "
        "('numpy', 'pandas', 'scipy', 'pydantic', 'snakemake') or m.startswith('bowlby.')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_public_names_are_these_and_each_has_an_example_that_runs():
    assert set(bowlby.__all__) == PUBLIC <= set(dir(bowlby))
    finder = doctest.DocTestFinder(recurse=False)
    for name in sorted(PUBLIC - {"UserError", "load_results"}):
        value = getattr(bowlby, name)
        assert {"Parameters", "Raises", "Examples"} <= set(inspect.getdoc(value).split("\n")), name
        (example,) = finder.find(value, name, globs={})
        failed, tried = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(example)
        assert tried and not failed, name
    with pytest.raises(AttributeError, match="no attribute 'scores'"):
        getattr(bowlby, "scores")  # noqa: B009


def test_bare_frame_is_scored_as_in_a_run_and_keeps_its_index(answers):
    answers.loc["b", "phq_9"] = pd.NA
    answers.loc["c", ["phq_1", "phq_2", "phq_3", "phq_4"]] = pd.NA
    scores = bowlby.score(answers, "phq9", items="phq_{n}")
    assert list(scores.index) == ["a", "b", "c"]
    assert scores["total"].iloc[:2].tolist() == [13.0, 9.0]  # 1+2+3+0+1+2+3+0+1; 8 answers of 1, times 9 / 8
    assert np.isnan(scores.loc["c", "total"]) and scores["total_n"].tolist() == [9, 8, 5]
    assert scores["total_prorated"].tolist() == [False, True, False]
    inside = answers.set_axis([f"i{n:02}" for n in range(1, 10)], axis=1)
    expected = score_items(inside, bowlby.load_instrument("phq9")).drop(columns=["source", "suicidal_ideation"])
    pd.testing.assert_frame_equal(scores, expected)


def test_reverse_items_are_reversed_and_index_may_repeat():
    key = bowlby.load_instrument("ecr_s")
    low, high = key.response
    frame = pd.DataFrame({f"e{n:02}": [low, high] for n in range(1, key.n_items + 1)}, index=[7, 7])
    scores = bowlby.score(frame, "ecr_s", items="e{n}")  # the zero of e01 is found
    for name, scale in key.scales.items():
        turned, n = len(scale.reverse), len(scale.items)
        assert turned > 0
        divisor = n if key.how(name) == "mean" else 1
        assert scores[name].tolist() == [((n - turned) * low + turned * high) / divisor,
                                         ((n - turned) * high + turned * low) / divisor]  # fmt: skip
    assert list(scores.index) == [7, 7]


def test_form_counted_from_one_gives_the_instruments_own_units(answers):
    shifted = bowlby.score(answers + 1, "phq9", items="phq_{n}", response=(1, 4))
    pd.testing.assert_frame_equal(shifted, bowlby.score(answers, "phq9", items="phq_{n}"))
    with pytest.raises(bowlby.UserError, match=r"^frame:a:phq_4: 1 value of item 4 of phq9 is not an answer from 1"):
        bowlby.score(answers.iloc[:1] + (answers.iloc[:1] > 0), "phq9", items="phq_{n}", response=(1, 4))


def test_all_faults_are_said_at_once_with_row_and_column(answers):
    frame = answers.astype(object)
    frame.loc["b", "phq_2"], frame.loc["c", "phq_5"] = 4, "often"
    with pytest.raises(bowlby.UserError) as error:
        bowlby.score(frame.assign(phq_2=frame["phq_2"].astype(float)).infer_objects(), "phq9", items="phq_{n}")
    assert error.value.problems == [
        "frame:b:phq_2: 1 value of item 2 of phq9 is not an answer from 0 to 3; set them to missing, or give the "
        "form's own range",
        "frame:c:phq_5: item 5 of phq9 holds text; give numbers",
    ]


@pytest.mark.parametrize(("change", "said"), [
    (lambda f: {"frame": f.drop(columns=["phq_2", "phq_7"])},
     ["frame::phq_2: there is no column 'phq_2'; correct the name",
      "frame::phq_7: there is no column 'phq_7'; correct the name"]),
    (lambda f: {"frame": pd.concat([f, f[["phq_3"]]], axis=1)},
     ["frame::phq_3: there are 2 columns 'phq_3'; rename one of them"]),
    (lambda f: {"items": "phq_1"}, ["the item pattern 'phq_1' has no {n}; write the item number as {n}"]),
    (lambda f: {"items": ["phq_1"] * 2}, ["2 columns are listed for phq9; list its 9 items in order"]),
    (lambda f: {"frame": f.to_numpy()}, ["the data are a ndarray; give a pandas DataFrame"]),
    (lambda f: {"instrument": "phq"}, None),
    (lambda f: {"instrument": "aai"}, ["aai has no items; raters give its categories; there is nothing to score"]),
])  # fmt: skip
def test_what_cannot_be_scored_is_refused(answers, change, said):
    call = {"frame": answers, "instrument": "phq9", "items": "phq_{n}"} | change(answers)
    with pytest.raises(bowlby.UserError) as error:
        bowlby.score(**call)
    assert said is None or error.value.problems == said


def test_reliability_of_a_bare_frame():
    rng = np.random.default_rng(2)
    mood = rng.normal(size=(300, 1))
    items = np.clip(np.round(1.5 + 0.6 * mood + 0.8 * rng.normal(size=(300, 9))), 0, 3)
    frame = pd.DataFrame(items, columns=[f"q{n}" for n in range(1, 10)]).assign(who=np.arange(300) // 10)
    found = bowlby.reliability(frame, "phq9", items="q{n}", therapist="who").set_index("coefficient")
    alpha = 9 / 8 * (1 - items.var(axis=0, ddof=1).sum() / items.sum(axis=1).var(ddof=1))
    assert found.loc["alpha", "value"] == pytest.approx(alpha, abs=1e-12)
    assert found.loc["icc_therapist", "n_groups"] == 30
    assert {"omega_total", "lambda_therapist_mean"} <= set(found.index)


def test_plan_and_results_refuse_what_they_cannot_use(tmp_path):
    with pytest.raises(bowlby.UserError) as error:
        bowlby.plan_study(therapists=3, patients=12, icc=0.9, studies=0)
    assert error.value.problems == ["therapists = 3 is below 6; correct it",
                                    "icc = 0.9 is not from 0 to 0.5; correct it"]  # fmt: skip
    with pytest.raises(bowlby.UserError, match=r"there is no run in .*; make it with `make results`"):
        bowlby.load_results(tmp_path / "none")
    with pytest.raises(bowlby.UserError, match="holds no run of bowlby"):
        bowlby.load_results(tmp_path)
