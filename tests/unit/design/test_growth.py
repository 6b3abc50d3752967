"""The random part of growth follows from who was seen how often by whom; rows and covariates of the growth model."""

import pandas as pd
import pytest

from bowlby import stages
from bowlby.check import check
from bowlby.config import load
from bowlby.config.growth import Growth, RandomEffects
from bowlby.config.run import Outcome, Run
from bowlby.config.study import Occasion
from bowlby.design.growth import growth_set
from bowlby.design.random_part import random_part
from bowlby.errors import UserError
from bowlby.files import read_parquet

BOTH = ["intercept", "time"]


def seen(*rows: tuple[str, str | None, int]) -> pd.DataFrame:
    """Patients with their therapist, seen so many times."""
    long = [(patient, therapist, float(t)) for patient, therapist, n in rows for t in range(n)]
    return pd.DataFrame(long, columns=["patient", "therapist", "time"]).astype({"therapist": object})


@pytest.mark.parametrize(
    ("rows", "kept", "reasons"),
    [
        ([("a", "T", 3), ("b", "T", 2), ("c", "U", 1)], {"patient": BOTH, "therapist": BOTH}, set()),
        ([("a", "T", 2), ("b", "T", 2), ("c", "U", 2)], {"patient": ["intercept"], "therapist": BOTH},
         {"no patient has three or more occasions"}),
        ([("a", "T", 3), ("b", "T", 1), ("c", "U", 3)], {"patient": BOTH, "therapist": ["intercept"]},
         {"no therapist has two or more patients with two or more occasions each"}),
        ([("a", "T", 3), ("b", "U", 3), ("c", "V", 3)], {"patient": BOTH}, {"no therapist has two or more patients"}),
        ([("a", "T", 3), ("b", "T", 3), ("c", None, 3)], {"patient": BOTH}, {"all patients have the same therapist"}),
        ([("a", None, 3), ("b", None, 1)], {"patient": BOTH}, {"no patient has a therapist"}),
    ],
)  # fmt: skip
def test_only_what_the_design_cannot_show_goes(rows, kept, reasons):
    found = random_part(RandomEffects(), seen(*rows))
    words = {"1": "intercept", "time": "time"}
    assert {t["group"]: [words[name] for name in t["terms"]] for t in found.terms} == kept
    assert {r["reason"] for r in found.left_out} == reasons
    gone = {(r["group"], r["term"]) for r in found.left_out}
    assert gone == {(g, t) for g in ("patient", "therapist") for t in BOTH} - {(g, t) for g in kept for t in kept[g]}


def test_the_rule_reads_no_outcome_and_no_order():
    rows = seen(("a", "T", 3), ("b", "T", 2), ("c", "U", 1))
    assert "y" not in rows
    assert random_part(RandomEffects(), rows.iloc[::-1]) == random_part(RandomEffects(), rows)


def test_what_nobody_asked_for_is_not_left_out():
    found = random_part(RandomEffects(patient=["intercept"], therapist=[]), seen(("a", "T", 2), ("b", "U", 2)))
    assert found.terms == [{"group": "patient", "terms": ["1"], "correlated": True}] and found.left_out == []


@pytest.mark.parametrize("asked", [{"patient": []}, {"patient": ["time", "time"]}, {"therapist": ["session"]}])
def test_a_random_part_that_is_none_is_refused(asked):
    with pytest.raises(ValueError):
        RandomEffects(**asked)


def test_a_covariate_has_another_name_than_the_model_s_own_columns():
    with pytest.raises(ValueError, match="'time' is a column of the model itself"):
        Growth(covariates=["age", "time"])


def built(rows: list[tuple], people: list[tuple] = (), **growth):
    """From (patient, therapist, occasion, outcome) and (patient, therapist, age)."""
    scores = pd.DataFrame(rows, columns=["person", "therapist", "occasion", "total"]).astype({"therapist": object})
    scores = scores.assign(role="patient", about="self")
    people = people or [(patient, None, 40.0) for patient in dict.fromkeys(scores["person"])]
    patients = pd.DataFrame(people, columns=["patient", "therapist", "age"])
    run = Run(run="g", study="none", outcome=Outcome(instrument="o"), growth=Growth(**growth))
    occasions = [Occasion(id="0", time=0), Occasion(id="4", time=4), Occasion(id="end")]
    return growth_set(run, {"o": scores}, {"patients": patients}, occasions, "weeks")


def rows_of(*patients: str, therapist=None) -> list[tuple]:
    return [(p, therapist, t, float(n)) for n, p in enumerate(patients) for t in ("0", "4", "end")]


def test_rows_go_for_one_reason_each_and_the_flow_says_how_many_are_left():
    rows = [("p", "T", "0", 1.0), ("p", "U", "4", 2.0), ("q", None, "0", None), ("q", None, "4", 3.0),
            ("r", None, "0", 1.0), ("r", None, "end", 1.0), ("s", "T", "0", 1.0), ("s", "T", "4", 4.0)]  # fmt: skip
    people = [("p", "T", 30.0), ("q", "U", None), ("r", None, 50.0), ("s", "T", 20.0)]
    made = built(rows, people, covariates=["age"])
    assert made.design["n_dropped"] == {
        "no outcome": 1, "occasion without a time": 1, "no age": 1, "no therapist": 1}  # fmt: skip
    assert [(s["step"], s["rows"], s["patients"]) for s in made.flow] == [
        ("occasions in the file", 8, 4), ("without: no outcome", 7, 4), ("without: occasion without a time", 6, 4),
        ("without: no age", 5, 3), ("without: no therapist", 4, 2), ("analysed", 4, 2)]  # fmt: skip
    assert made.data["therapist"].tolist() == ["T", "U", "T", "T"]  # who treated at that time
    assert made.data["age"].tolist() == [5.0, 5.0, -5.0, -5.0]
    assert set(made.columns["name"]) == set(made.data)


def test_a_patient_s_therapists_count_in_equal_parts():
    made = built([("p", "T", "0", 1.0), ("p", "U", "4", 2.0), ("q", "T", "0", 1.0), ("q", "T", "4", 2.0)])
    shares = made.membership.set_index(["patient", "therapist"])["weight"]
    assert shares.to_dict() == {("p", "T"): 0.5, ("p", "U"): 0.5, ("q", "T"): 1.0}


def test_without_therapists_there_is_no_column_and_no_membership():
    made = built(rows_of("p", "q"))
    assert "therapist" not in made.data and made.membership.empty and made.design["n_therapists"] == 0


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([("p", None, "0", 1.0), ("q", None, "0", 2.0)], "fewer than two occasions that have a time were answered"),
        ([("p", None, "0", 1.0), ("p", None, "4", 2.0)],
         "1 patient with an outcome, but the growth model needs several"),
        ([("p", None, "0", 1.0), ("q", None, "4", 2.0)],
         "no patient has outcomes at two times, so no course can be seen"),
    ],
)  # fmt: skip
def test_what_is_no_course_is_refused_in_one_line(rows, said):
    with pytest.raises(UserError) as caught:
        built(rows)
    assert [line.partition(";")[0] for line in caught.value.problems] == [said]


def test_an_unknown_covariate_is_named():
    with pytest.raises(UserError) as caught:
        built(rows_of("p", "q"), covariates=["sex"])
    assert caught.value.problems[0].startswith("growth.covariates: the study has no patient variable 'sex'")


def test_where_no_effect_is_left_the_key_and_the_reason_are_named():
    """Slopes of patients alone were asked for, and nobody was seen three times."""
    random = RandomEffects(patient=["time"], therapist=[], correlated=[])
    run = Run(run="g", study="none", outcome=Outcome(instrument="phq", post="b"), growth=Growth(random=random))
    scores = {"phq": pd.DataFrame([(p, "patient", "self", o, None, 3.0) for p in ("a", "b", "c") for o in ("x", "y")],
                                  columns=["person", "role", "about", "occasion", "therapist", "total"])}  # fmt: skip
    people = {"patients": pd.DataFrame({"patient": ["a", "b", "c"], "therapist": [None] * 3})}
    with pytest.raises(UserError) as caught:
        growth_set(run, scores, people, [Occasion(id="x", time=0.0), Occasion(id="y", time=1.0)], None)
    assert "growth.random leaves no effect that these data could show (time of patients: no patient has three" in str(
        caught.value.lines()
    )


def test_the_session_number_is_the_time_in_one_line(tmp_path):
    """Nine sessions of twelve patients without a line for each: `when: {session: nr}`."""
    rows = [f"p{i},T{i % 3},{t},{16 - t + (7 * i * t + i) % 5}" for i in range(12) for t in range(1, 10)]
    (tmp_path / "a.csv").write_text("\n".join(["id,th,nr,phq", *rows]) + "\n")
    (tmp_path / "study.yaml").write_text(
        "name: s\nfiles:\n  - path: a.csv\n    who: {person: id, therapist: th}\n    when: {session: nr}\n"
        "    measures: [{instrument: phq9, scored: {total: phq}}]\n"
    )
    (tmp_path / "run.yaml").write_text("run: r\nstudy: study.yaml\noutcome: {instrument: phq9}\ngrowth: {}\n")
    loaded = load(tmp_path / "run.yaml")
    assert [o.id for o in loaded.study.occasions] == ["sessions"] and loaded.study.time_unit == "sessions"
    assert [line for severity, line in check(tmp_path / "run.yaml") if severity == "error"] == []
    stages.ingest(loaded, tmp_path)
    stages.score(loaded, tmp_path, ["phq9"])
    stages.design(loaded, tmp_path, "growth", ["phq9"])
    data = read_parquet(tmp_path / "analysis/growth.parquet")
    assert sorted(data["time"].unique()) == [*range(1, 10)] and len(data) == 12 * 9
