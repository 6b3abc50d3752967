"""The score stage on forms with a response range of their own."""

import numpy as np
import pandas as pd
import pytest

from bowlby import stages
from bowlby.config import load
from bowlby.instruments.catalogue import load_instrument
from bowlby.instruments.scoring import score
from bowlby.simulate.faults import answers

RUN = "run: t\nstudy: study.yaml\noutcome: {instrument: %s}\ngrowth: {reml: true}\n"
STUDY = """name: s
occasions: [intake]
files:
  - path: a.csv
    who: {person: person}
    when: {occasion: intake}
    measures: [{instrument: %s, items: "i{n:02}", response: [%d, %d]}]
"""


def run(folder, name, data, low, high):
    (folder / "run.yaml").write_text(RUN % name)
    (folder / "study.yaml").write_text(STUDY % (name, low, high))
    data.drop(columns="session").to_csv(folder / "a.csv", index=False)
    loaded = load(folder / "run.yaml")
    stages.ingest(loaded, folder / "out")
    stages.score(loaded, folder / "out", [name])
    return pd.read_parquet(folder / f"out/scores/{name}.parquet"), folder / "out"


@pytest.mark.parametrize("name, step", [("phq9", 1), ("ecr_s", -1), ("rfq8", -1)])
def test_a_form_that_counts_from_another_number_has_the_same_scores(tmp_path, name, step):
    instrument = load_instrument(name)
    data = answers(instrument, 3, 40)
    items = [c for c in data if c[0] == "i"]
    wanted = score(data, instrument).set_index("person")
    low, high = instrument.response
    found, out = run(tmp_path, name, data.assign(**{c: data[c] + step for c in items}), low + step, high + step)
    for scale in instrument.all_scales():
        np.testing.assert_allclose(found.set_index("person")[scale].reindex(wanted.index), wanted[scale])
    stored = pd.read_parquet(out / f"measures/{name}.parquet").set_index("person")[items]
    pd.testing.assert_frame_equal(stored.sort_index(), data.set_index("person")[items].sort_index())
    if name == "phq9":
        severity = pd.read_csv(out / "severity.csv")
        assert severity.loc[severity["kind"].eq("band"), "of"].eq(40).all()
    audit = pd.read_csv(out / "keying_audit.csv")
    assert audit.loc[audit["check"].eq("out_of_range"), "verdict"].tolist() == ["ok"]


def test_a_form_with_fewer_categories_has_its_own_range_and_no_published_cut_offs(tmp_path):
    instrument = load_instrument("phq9")
    data = answers(instrument, 3, 40)
    items = [c for c in data if c[0] == "i"]
    found, out = run(tmp_path, "phq9", data.assign(**{c: data[c].clip(upper=2) for c in items}), 0, 2)
    assert found["total"].max() <= 18
    assert "band" not in set(pd.read_csv(out / "severity.csv")["kind"])
