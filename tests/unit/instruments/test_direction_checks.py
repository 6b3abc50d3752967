"""A scale that is turned as a whole goes against the other questionnaires; others may go their own ways."""

import numpy as np
import pandas as pd
import pytest

from bowlby.instruments.catalogue import load_instrument
from bowlby.instruments.direction_checks import across, directed
from bowlby.instruments.scoring import score


def filled(name, factor, seed, r=0.75, turned=False):
    """Answers of persons to an instrument, whose distress (of a better scale: its opposite) goes with a factor."""
    instrument, random = load_instrument(name), np.random.default_rng(seed)
    low, high = instrument.response
    key = next(iter(instrument.scales.values()))
    own = r * (factor if key.higher == "worse" else -factor) + np.sqrt(1 - r**2) * random.standard_normal(len(factor))
    items = {}
    for item in range(1, instrument.n_items + 1):
        latent = 0.7 * own + 0.7 * random.standard_normal(len(factor))
        items[f"i{item:02d}"] = np.clip(np.round((low + high) / 2 + (high - low) / 4 * latent), low, high)
    data = pd.DataFrame(items)
    if turned:
        data = low + high - data
    head = {"role": "patient", "about": "self", "occasion": "intake", "session": pd.array([pd.NA] * len(data), "Int64")}
    return data.assign(person=[f"p{i}" for i in range(len(data))], **head)


def audited(*made):
    return across({n: directed(score(d, load_instrument(n)), load_instrument(n)) for n, d in made})


@pytest.mark.parametrize("turned", [None, "phq9", "gad7"])
def test_a_form_turned_as_a_whole_is_named_with_the_other(turned):
    for seed in range(10):
        factor = np.random.default_rng(100 + seed).standard_normal(150)
        made = [(n, filled(n, factor, 10 * seed + k, turned=n == turned)) for k, n in enumerate(("phq9", "gad7"))]
        (row,) = audited(*made).itertuples(index=False)
        assert (row.instrument, row.scale, row.check) == ("gad7", "total", "other_instruments")
        assert row.observed.endswith("with phq9 total")
        assert row.verdict == ("ok" if turned is None else "suspicious")


def test_better_and_worse_scales_are_brought_to_one_direction():
    factor = np.random.default_rng(1).standard_normal(150)
    for turned in (False, True):
        made = ("srs", filled("srs", factor, 2, 0.9, turned)), ("phq9", filled("phq9", factor, 3, 0.9))
        assert audited(*made)["verdict"].tolist() == ["suspicious" if turned else "ok"]


def test_scales_with_nothing_in_common_raise_no_alarm():
    alarms = 0
    for seed in range(15):
        factors = np.random.default_rng(seed).standard_normal((2, 40))
        made = [(n, filled(n, f, seed + k)) for k, (n, f) in enumerate(zip(("phq9", "gad7"), factors, strict=True))]
        alarms += audited(*made)["verdict"].eq("suspicious").sum()
    assert alarms == 0


def test_what_cannot_be_compared_has_no_row():
    factor = np.random.default_rng(1).standard_normal(40)
    phq, gad = filled("phq9", factor, 1), filled("gad7", factor, 2)
    assert len(audited(("phq9", phq), ("gad7", gad))) == 1
    assert audited(("phq9", phq.head(20)), ("gad7", gad)).empty
    assert audited(("phq9", phq), ("gad7", gad.assign(occasion="end"))).empty
    assert audited(("phq9", phq), ("gad7", gad.assign(role="therapist"))).empty
    several = pd.concat([gad, gad.assign(about="mother")])
    assert audited(("phq9", phq), ("gad7", several)).empty
    codes = pd.DataFrame({"person": ["a"], "role": "therapist", "about": "self", "occasion": "", "code": ["F"]})
    assert directed(codes, load_instrument("aai")).empty
