"""The example answers as published samples do: endorsement, means, SDs, alphas, correlations, error of measurement.

Published values are those of the instrument library; where it has none for the short form of the ECR, those of the
long one, in item means. Correlations with outcome: Mallinckrodt et al. 2017 (CATS), Flückiger et al. 2018 (alliance).
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bowlby.instruments.catalogue import load_instrument
from bowlby.instruments.factor_models import products
from bowlby.instruments.published_norms import middle
from bowlby.instruments.reliability import alpha
from bowlby.instruments.scoring import keyed, score
from bowlby.simulate import SCENARIOS, reference_population
from bowlby.simulate import items as forms
from bowlby.simulate import latent as model
from bowlby.simulate.reference import latent_alliance, phq9

EXAMPLE = Path(__file__).parents[3] / "data/raw/example"
AT = {"phq9": ("T0", "phq9"), "cats": ("S5", "cats"), "wai_sr": ("S5", "wai"), "ecr": ("T0", "ecr")}


def answers(table: pd.DataFrame, stem: str, instrument: str) -> pd.DataFrame:
    """A questionnaire's answers as the scorer takes them; impossible ones are missing, as after ingest."""
    items = table.filter(regex=rf"^{stem}_\d+$").astype(float)
    low, high = load_instrument(instrument).response
    return items.where(items.ge(low) & items.le(high)).rename(columns=lambda c: f"i{int(c.split('_')[1]):02}")


@pytest.fixture(scope="module")
def patients():
    return pd.read_csv(EXAMPLE / "patients.csv").drop_duplicates()


@pytest.fixture(scope="module")
def asked(patients):
    """Answers at the occasion of each questionnaire, and therapists' own."""
    found = {}
    for norm, (when, stem) in AT.items():
        instrument = "ecr_s" if norm == "ecr" else norm
        found[norm] = answers(patients[patients["timepoint"] == when], stem, instrument)
    own = pd.read_excel(EXAMPLE / "therapists.xlsx")
    return found | {"therapists": answers(own, "ecr", "ecr_s")}


def published(instrument: str, population: str = "clinical"):
    """Norms with a mean, of samples in treatment or of therapists."""
    for norm in load_instrument(instrument).norm_table:
        if norm.population == population and norm.mean is not None:
            yield pytest.param(instrument, norm, id=f"{instrument}-{norm.scale}-{population}")


def mean_of_items(answered: pd.DataFrame, instrument: str, scale: str) -> pd.Series:
    """Scores in item means, by the shipped key."""
    key = load_instrument(instrument)
    return score(answered, key)[scale] / (1 if key.how(scale) == "mean" else len(key.all_scales()[scale].items))


def low_high(value) -> tuple[float, float]:
    return (value, value) if not isinstance(value, tuple) else value


@pytest.mark.parametrize(
    ("instrument", "norm"),
    [*published("phq9"), *published("cats"), *published("wai_sr"), *published("ecr"), *published("ecr", "therapists")],
)
def test_means_and_sds_are_those_published(asked, instrument, norm):
    """Mean within .15 published SDs of the published range, SD within 10 % (of 48 therapists: .3 SDs and 25 %)."""
    who = "therapists" if norm.population == "therapists" else instrument
    short = "ecr_s" if instrument == "ecr" else instrument
    scale = mean_of_items(asked[who], short, norm.scale)
    whole = instrument == "phq9"  # its norms are sums
    size = len(load_instrument(short).all_scales()[norm.scale].items) if whole else 1
    low, high = (x / size for x in low_high(norm.mean))
    of_mean, of_sd = (0.30, 0.25) if who == "therapists" else (0.15, 0.10)
    unit = middle(norm.sd) / size if norm.sd is not None else 0.75
    assert low - of_mean * unit <= scale.mean() <= high + of_mean * unit
    if norm.sd is not None:
        low, high = (x / size for x in low_high(norm.sd))
        assert low * (1 - of_sd) <= scale.std() <= high * (1 + of_sd)


@pytest.mark.parametrize(("instrument", "scale", "low", "high"), [
    ("phq9", "total", 0.86, 0.89), ("cats", "secure", 0.80, 0.90), ("cats", "avoidant_fearful", 0.75, 0.85),
    ("cats", "preoccupied_merger", 0.80, 0.88), ("wai_sr", "total", 0.91, 0.92), ("wai_sr", "task", 0.85, 0.90),
    ("wai_sr", "bond", 0.85, 0.90), ("wai_sr", "goal", 0.85, 0.90), ("ecr", "anxiety", 0.77, 0.86),
    ("ecr", "avoidance", 0.78, 0.88),
])  # fmt: skip
def test_alphas_are_those_published(asked, instrument, scale, low, high):
    """Within .02 of the published range."""
    key = load_instrument("ecr_s" if instrument == "ecr" else instrument)
    assert low - 0.02 <= alpha(products(keyed(asked[instrument], key, scale).to_numpy(float).T))[0] <= high + 0.02


def test_suicidal_ideation_is_endorsed_by_some_and_other_symptoms_by_most(asked, patients):
    """Item 9 at intake by 15 to 30 %, less at termination; fatigue by the most, psychomotor change by the second least.

    The items' means differ by more than the points that the evenly spread items of a made-up scale would.
    """
    endorsed = (asked["phq9"] > 0).where(asked["phq9"].notna()).astype(float).mean()
    order = endorsed.sort_values().index.tolist()
    assert 0.15 <= endorsed["i09"] <= 0.30
    assert order[:2] == ["i09", "i08"] and order[-1] == "i04"
    assert 0.60 < endorsed["i08"] < 0.85 < endorsed["i05"] < endorsed["i04"] < 0.99
    after = answers(patients[patients["timepoint"] == "T2"], "phq9", "phq9")
    assert 0.05 <= (after["i09"].dropna() > 0).mean() <= 0.17
    assert asked["phq9"].mean().max() - asked["phq9"].mean().min() > 1.5


def test_phq9_after_treatment_is_that_published(patients):
    """NHS Talking Therapies: 9.4 (SD 6.4) after treatment, more varied than before; within .8 and .5."""
    key = load_instrument("phq9")
    before, after = (score(answers(patients[patients["timepoint"] == t], "phq9", "phq9"), key)["total"]
                     for t in ("T0", "T2"))  # fmt: skip
    assert after.mean() == pytest.approx(9.4, abs=0.8)
    assert after.std() == pytest.approx(6.4, abs=0.5) and after.std() > before.std() + 0.3


@pytest.fixture(scope="module")
def correlations():
    """Correlations of scores in 60 000 patients of the example's population; outcome and intake higher = better."""
    n = 60_000
    first = np.repeat(np.arange(n // 12), 12)
    drawn = model.latent_study(SCENARIOS["example"], 8, first, first, np.ones(n))
    rng = np.random.default_rng(8)
    scores = {}
    for scales, values in (
        (forms.CATS, dict(zip(forms.CATS, drawn.perceived.T, strict=True))),
        (forms.WAI_SR, latent_alliance(rng, drawn)),
        (forms.ECR_S_PATIENT, dict(zip(forms.ECR_S_PATIENT, drawn.patient_style.T, strict=True))),
    ):
        given = forms.answer(scales, values, rng)
        scores |= {name: forms.total(scale, given) for name, scale in scales.items()}
    scores["alliance"] = scores["task"] + scores["bond"] + scores["goal"]
    for name, treated in (("intake", False), ("again", False), ("outcome", True)):
        given = phq9(drawn.outcome if treated else drawn.pre, rng, treated)
        scores[name] = -forms.total(forms.PHQ9["total"], given)
    return pd.DataFrame(scores).corr()


@pytest.mark.parametrize(("one", "other", "low", "high"), [
    ("secure", "avoidant_fearful", -0.75, -0.60), ("secure", "preoccupied_merger", -0.05, 0.25),
    ("avoidant_fearful", "preoccupied_merger", 0.10, 0.30), ("task", "bond", 0.50, 0.80), ("task", "goal", 0.50, 0.80),
    ("bond", "goal", 0.50, 0.80), ("alliance", "secure", 0.71, 0.81), ("alliance", "avoidant_fearful", -0.70, -0.53),
    ("alliance", "preoccupied_merger", 0.00, 0.20), ("anxiety", "avoidance", 0.10, 0.40),
    ("secure", "outcome", 0.177, 0.366), ("avoidant_fearful", "outcome", -0.392, -0.193),
    ("preoccupied_merger", "outcome", -0.289, -0.092), ("alliance", "outcome", 0.256, 0.299),
    ("secure", "anxiety", -0.40, -0.05), ("avoidant_fearful", "avoidance", 0.05, 0.40),
])  # fmt: skip
def test_correlations_are_those_published(correlations, one, other, low, high):
    assert low <= correlations.loc[one, other] <= high


def test_intake_has_the_error_of_a_real_phq9(correlations):
    """Two forms of one state correlate between the published retest (.84, true change in it) and the highest alpha."""
    assert 0.84 <= correlations.loc["intake", "again"] <= 0.89
    assert 0.35 <= correlations.loc["intake", "outcome"] <= 0.55
    assert reference_population("example")["reliability"]["intake"] == pytest.approx(0.85, abs=0.02)


def test_truth_says_what_the_error_at_intake_does():
    """Where nothing predicts, the score of perceived attachment has a slope only because the intake has error."""
    nothing = reference_population("S0")
    assert nothing["baseline_without_error"]["P"] == pytest.approx(0, abs=0.004)
    assert nothing["P"] - nothing["baseline_without_error"]["P"] == pytest.approx(0.009, abs=0.003)


def test_diagnoses_are_those_of_a_clinic_for_depression(patients):
    """Three in five have a depressive diagnosis, and these start two to six points worse on the PHQ-9."""
    import pyreadstat

    people, meta = pyreadstat.read_sav(EXAMPLE / "demographics.sav")
    names = people["diagnosis"].map(meta.variable_value_labels["diagnosis"])
    depressive = pd.Series(names.isin(["depressive episode", "recurrent depression"]).array, people["patient_id"])
    assert 0.5 < depressive.mean() < 0.7 and names.nunique() == 5
    before = patients[patients["timepoint"] == "T0"].set_index("patient_id")
    total = score(answers(before, "phq9", "phq9"), load_instrument("phq9"))["total"].set_axis(before.index)
    by_kind = total.groupby(depressive.reindex(total.index).to_numpy()).mean()
    assert 2 < by_kind[True] - by_kind[False] < 6
    experience = pd.read_excel(EXAMPLE / "therapists.xlsx")["experience"]
    assert experience.between(1, 35).all() and 5 < experience.median() < 12
