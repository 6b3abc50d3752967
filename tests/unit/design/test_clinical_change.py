"""Classes of change of the rows of the comparison."""

import numpy as np
import pandas as pd
import pytest

from bowlby.config.clinical_change import ClinicalChange
from bowlby.config.run import Run
from bowlby.design.clinical_change import with_classes
from bowlby.design.frame import AnalysisSet
from bowlby.errors import UserError
from bowlby.instruments.catalogue import load_instrument
from bowlby.instruments.outcomes import change

BLOCK = {"instrument": "ecr_s", "weights": {"anxiety": -1}}
PRE, POST = [18.0, 18, 18, 18, 8, 20], [8.0, 12, 17, 24, 1, np.nan]


def config(instrument="phq9", scale="total", **asked):
    return Run(run="x", study="s.yaml", outcome={"instrument": instrument, "scale": scale, "pre": "a", "post": "b"},
               comparison={"perceived": BLOCK, "therapist_style": BLOCK},
               clinical_change=ClinicalChange(**asked))  # fmt: skip


def table(scale="total"):
    rows = [{"person": f"p{k}", "role": "patient", "about": "self", "occasion": o, scale: v}
            for o, values in (("a", PRE), ("b", POST)) for k, v in enumerate(values)]  # fmt: skip
    return pd.DataFrame(rows)


def classified(run, key=None):
    data = pd.DataFrame({"patient": [f"p{k}" for k in range(5)]})
    built = AnalysisSet(data, data, pd.DataFrame(columns=["name", "meaning", "unit", "source"]), {}, [])
    instrument = key or load_instrument(run.outcome.instrument)
    return with_classes(built, run, {run.outcome.instrument: table(run.outcome.scale)}, lambda _: (instrument, None))


def test_classes_are_those_that_change_csv_counts():
    built = classified(config())
    assert built.data["class"].tolist() == ["recovered", "improved", "unchanged", "deteriorated", "improved"]
    assert built.data["began_functional"].tolist() == [False] * 4 + [True]
    asked = built.design["change"]
    assert (asked["method"], asked["cut"]) == ("published", pytest.approx(10))
    counted = change(table(), None, load_instrument("phq9"), ("a", "b"), shareable=False)
    own = counted[(counted["method"] == "published") & (counted["criterion"] == asked["criterion"])]
    counts = own.set_index("class")["count"].drop("started on the functional side")
    assert counts[counts > 0].to_dict() == built.data["class"].value_counts().to_dict()


def test_an_unknown_method_or_criterion_is_refused_with_those_that_there_are():
    with pytest.raises(UserError) as refused:
        classified(config(method="published", criterion="Smith 2001"))
    line = str(refused.value)
    assert "total of phq9 has no 'published' with criterion 'Smith 2001'; choose one of these: published: " in line


def test_what_is_not_known_of_a_scale_is_said():
    bare = load_instrument("phq9").model_copy(update={"reliable_points": [], "caseness": [], "norm_table": []})
    with pytest.raises(UserError, match="reliable change is not known for total of phq9; it needs items"):
        classified(config(), bare)
    no_cut = load_instrument("phq9").model_copy(update={"caseness": [], "norm_table": []})
    with pytest.raises(UserError, match="event is recovered, but no cut-off is known for total of phq9"):
        classified(config(event="recovered"), no_cut)
    assert classified(config(), no_cut).design["change"]["cut"] is None
