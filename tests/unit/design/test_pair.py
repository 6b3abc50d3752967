"""Two predictors of any level: rows, fit, and what is said of them."""

import numpy as np
import pandas as pd
import pytest

from bowlby.compare.pair import compare_pair
from bowlby.config.run import Outcome, Pair, PairReference, ReferenceBlock, Run, Side
from bowlby.design.pair import pair_set
from bowlby.errors import UserError
from bowlby.fit.models import fit_set
from bowlby.tables.fits import doubtful_units

PATIENT = [f"P{i:03}" for i in range(300)]
THERAPIST = [f"T{j:02}" for j in range(30)]


def scored():
    """30 therapists of 10 patients; the first predictor has a slope of .5, the second of 0, therapists' style of .4."""
    rng = np.random.default_rng(4)
    key = {"role": "patient", "occasion": "once"}
    first, second, style = rng.normal(size=300), rng.normal(size=300), rng.normal(size=30)
    outcome = 0.5 * first + np.repeat(0.4 * style + 0.2 * rng.normal(size=30), 10) + 0.8 * rng.normal(size=300)
    figures = pd.concat([pd.DataFrame({"person": PATIENT, "about": about, "secure": values, **key})
                         for about, values in (("mother", first), ("father", second))])  # fmt: skip
    symptoms = pd.DataFrame({"person": PATIENT, "about": "self", "total": outcome, **key})
    own = pd.DataFrame({"person": THERAPIST, "role": "therapist", "about": "self", "occasion": "", "anxiety": -style})
    people = {
        "patients": pd.DataFrame({"patient": PATIENT}),
        "episodes": pd.DataFrame({"patient": PATIENT, "therapist": np.repeat(THERAPIST, 10), "weight": 1.0}),
    }
    return {"figure": figures, "symptoms": symptoms, "ecr_s": own}, people


def asked(**second) -> Run:
    first = Side(label="mother", instrument="figure", about="mother", weights={"secure": 1})
    other = {"label": "father", "instrument": "figure", "about": "father", "weights": {"secure": 1}} | second
    outcome = Outcome(instrument="symptoms", post="once", higher_is_better=True)
    return Run(run="pair", study="none", outcome=outcome, pair=Pair(first=first, second=Side(**other)))


def found(run: Run):
    built = pair_set(run, *scored())
    fits = fit_set("pair", built.data, built.membership, built.design)
    return built, compare_pair(run, fits["pair"].record, built.design)


def test_two_figures_are_weighed_within_therapists():
    built, pair = found(asked())
    within = built.data.groupby("therapist")[["first", "second"]].mean()
    assert np.abs(within.to_numpy()).max() < 1e-12
    assert {name: claim["verdict"] for name, claim in pair["claims"].items()} == {
        "first": "supported", "second": "inconclusive", "more": "supported", "negligible": "inconclusive"}  # fmt: skip
    sd = built.data["y"].std()
    assert pair["contrasts"]["first"]["estimate"] == pytest.approx(0.5 / sd, abs=0.1)
    assert pair["qualifiers"] == ["same_rater", "reverse_causation_open", "no_baseline"]
    assert [one["code"] for one in pair["unfair"]] == ["both_within", "one_rater"]


def test_a_patients_and_a_therapists_predictor_stand_at_their_levels():
    style = {"label": "own style", "instrument": "ecr_s", "about": "self", "weights": {"anxiety": -1}}
    built, pair = found(asked(role="therapist", **style))
    assert built.data.groupby("therapist")["second"].agg(np.ptp).max() < 1e-12
    assert built.design["roles"] == {"first": "patient", "second": "therapist"}
    assert pair["unfair"][0]["code"] == "levels" and pair["unfair"][0]["therapist"] == "own style"
    assert pair["contrasts"]["second"]["df"] < pair["contrasts"]["first-second"]["df"]


def test_an_observers_rating_of_patients_is_compared_within_therapists():
    """The same numbers as a patient's own rating; what is unfair differs, as the rater does."""
    seen = {"label": "coded attachment", "about": "father", "role": "observer"}
    scores, people = scored()
    figures = scores["figure"]
    figures.loc[figures["about"] == "father", "role"] = "observer"
    run = asked(**seen)
    built = pair_set(run, scores, people)
    fits = fit_set("pair", built.data, built.membership, built.design)
    pair = compare_pair(run, fits["pair"].record, built.design)
    assert pair["contrasts"] == found(asked())[1]["contrasts"]
    assert [one["code"] for one in pair["unfair"]] == ["both_within", "rater_of_one"]
    assert pair["unfair"][1]["therapist"] == "coded attachment" and pair["qualifiers"][0] == "same_rater"
    by_observer = run.model_copy(update={"outcome": Outcome(instrument="symptoms", post="once", role="observer")})
    assert "same_observer" in compare_pair(by_observer, fits["pair"].record, built.design)["qualifiers"]


def test_what_cannot_be_weighed_is_one_line_each():
    run = asked(about="mother")
    with pytest.raises(UserError, match="the same scales"):
        pair_set(run, *scored())
    run = asked(instrument="none", weights={"secure": 1})
    with pytest.raises(UserError, match=r"pair\.second: there is no score 'secure' of none;"):
        pair_set(run, *scored())
    scores, people = scored()
    scores["figure"]["secure"] = np.where(scores["figure"]["about"] == "father", 2.0, scores["figure"]["secure"])
    with pytest.raises(UserError, match="figure secure is the same for everyone"):
        pair_set(asked(), scores, people)


def test_answers_given_several_times_need_an_occasion():
    scores, people = scored()
    again = scores["symptoms"].assign(occasion="later", total=0.0)
    scores["symptoms"] = pd.concat([again, scores["symptoms"]])  # the first answer in the file is not the one meant
    run = asked()
    assert pair_set(run, scores, people).data["y"].std() > 0
    open_ = run.model_copy(update={"outcome": Outcome(instrument="symptoms", higher_is_better=True)})
    with pytest.raises(UserError) as caught:
        pair_set(open_, scores, people)
    assert caught.value.problems == [
        "outcome.post is not given, and symptoms was answered at later, once; say which counts, or give outcome.after"
    ]
    scores["symptoms"] = scores["symptoms"].query("occasion == 'once'")
    assert pair_set(open_, scores, people).data["y"].tolist() == pair_set(run, scores, people).data["y"].tolist()
    scores["figure"] = pd.concat([scores["figure"]] * 2)
    with pytest.raises(UserError) as caught:
        pair_set(run, scores, people)
    assert [line.partition(";")[0] for line in caught.value.problems] == [
        f"pair.{side}.occasion is not given, and figure was answered several times by the same persons"
        for side in ("first", "second")
    ]


def test_session_data_have_a_baseline_up_to_the_landmark():
    scores, people = scored()
    once = scores["symptoms"]
    scores["symptoms"] = pd.concat([once.assign(session=k, total=once["total"] + k) for k in (1, 2, 3)])
    run = asked()
    run = run.model_copy(update={"outcome": Outcome(instrument="symptoms", after=1, higher_is_better=True)})
    built = pair_set(run, scores, people)
    total = once.set_index("person")["total"].loc[built.data["patient"]].to_numpy()
    assert built.design["baseline"]
    assert built.data["y"].to_numpy() == pytest.approx(total + 2.5)


def test_a_reference_of_which_the_sample_is_far_is_named():
    """Predictors have an SD of about 1; a reference of 9, as norms of sums beside item means, is a doubt."""
    run = asked()
    norms = {"first": ReferenceBlock(sd={"secure": 9.0}), "second": ReferenceBlock(sd={"secure": 1.2})}
    far = run.model_copy(
        update={"pair": run.pair.model_copy(update={"reference": PairReference(outcome_sd=0.4, **norms)})}
    )
    _, pair = found(far)
    assert [(f["scale"], f["reference_sd"]) for f in pair["far_from_reference"]] == [
        ("symptoms total", 0.4), ("figure secure", 9.0)]  # fmt: skip
    assert pair["far_from_reference"][1]["sample_sd"] == pytest.approx(1, abs=0.15)
    assert "figure secure" in doubtful_units(pair) and found(run)[1]["far_from_reference"] == []
