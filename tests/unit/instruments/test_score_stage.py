"""The score stage on forms with a response range of their own."""

import numpy as np
import pandas as pd
import pytest

from bowlby import stages
from bowlby.cli.commands import check
from bowlby.config import load
from bowlby.files import write_csv
from bowlby.ingest import look_through
from bowlby.instruments.catalogue import load_instrument
from bowlby.instruments.scoring import score
from validation.keying_audit import answers, study, turned

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


TWO_ROLES = """name: s
occasions: [{id: intake, time: 0}, {id: termination, time: 12}]
files:
  - path: a.csv
    who: {person: person, therapist: therapist, site: place}
    when: {column: occasion}
    measures: [{instrument: ecr_s, items: "i{n:02}"}]
  - path: t.csv
    who: {person: person, role: therapist}
    measures: [{instrument: ecr_s, items: "i{n:02}"}]
"""


@pytest.mark.parametrize("column, part", [("role", "therapist"), ("place", "site south")])
def test_the_part_with_reversed_items_is_named_by_the_stage_and_by_check(tmp_path, capsys, column, part):
    instrument = load_instrument("ecr_s")
    data = study(instrument, 1)
    data = data[data["occasion"].ne("middle")]
    therapist = "t" + (data["person"].str[1:].astype(int) % 48).astype(str)
    data = data.assign(place=data["source_file"].str.removesuffix(".csv"), therapist=therapist)
    data = turned(data, instrument, [1, 5, 8, 9], data[column].eq(part.removeprefix("site ")))
    data = data.drop(columns=["session", "source_file", "about"])
    data[data["role"] == "patient"].to_csv(tmp_path / "a.csv", index=False)
    data[data["role"] == "therapist"].to_csv(tmp_path / "t.csv", index=False)
    (tmp_path / "run.yaml").write_text(RUN % "ecr_s, scale: anxiety")
    (tmp_path / "study.yaml").write_text(TWO_ROLES)
    loaded = load(tmp_path / "run.yaml")
    stages.ingest(loaded, tmp_path / "out")
    stages.score(loaded, tmp_path / "out", ["ecr_s"])
    table = pd.read_csv(tmp_path / "out/keying_audit.csv", keep_default_na=False)
    bad = table[table["check"].eq("already_reversed") & table["verdict"].eq("wrong")]
    assert len(bad) and bad["part"].str.contains(part).all()
    check(tmp_path / "run.yaml")
    said = [line for line in capsys.readouterr().out.splitlines() if line.startswith("warning: ecr_s (")]
    assert said and all(part in line for line in said)
    assert "items 1, 5, 9 with 3, 7, 11: r −0." in " ".join(said)
    measures, people = (ingested := look_through(loaded)[0]).measures, ingested.people
    found = stages.audit_keys({"ecr_s": stages.score_instrument(loaded, "ecr_s", measures["ecr_s"])}, measures, people)
    write_csv(tmp_path / "again.csv", found)
    assert (tmp_path / "again.csv").read_text() == (tmp_path / "out/keying_audit.csv").read_text()


PATIENTS = """name: s
occasions: [intake]
files:
  - {path: patients.csv, who: {person: person, therapist: therapist}}
  - path: answers.csv
    who: {person: person%s}
    when: {occasion: intake}
    measures: [{instrument: wai_sr, items: "i{n:02}"}]
"""


@pytest.fixture
def reliability_of(tmp_path):
    """Reliability, therapists of the scores and notes of a study whose answers name therapists or do not."""

    def make(answered, patients, named):
        (tmp_path / "run.yaml").write_text(RUN % "wai_sr")
        (tmp_path / "study.yaml").write_text(PATIENTS % (", therapist: therapist" if named else ""))
        answered.to_csv(tmp_path / "answers.csv", index=False)
        patients.to_csv(tmp_path / "patients.csv", index=False)
        loaded = load(tmp_path / "run.yaml")
        stages.ingest(loaded, tmp_path / "out")
        stages.score(loaded, tmp_path / "out", ["wai_sr"])
        issues = pd.read_csv(tmp_path / "out/issues.csv")
        therapists = pd.read_parquet(tmp_path / "out/scores/wai_sr.parquet").set_index("person")["therapist"]
        return pd.read_csv(tmp_path / "out/reliability.csv"), therapists, issues[issues["code"].eq("unknown_therapist")]

    return make


def test_answers_without_a_therapist_have_the_patients_own(reliability_of):
    instrument = load_instrument("wai_sr")
    table = answers(instrument, 3, 160).drop(columns=["role", "about", "occasion", "session"], errors="ignore")
    table["therapist"] = [f"t{n % 16}" for n in range(160)]
    items = [c for c in table if c[0] == "i"]
    low, high = instrument.response
    table.loc[table["therapist"].isin(["t1", "t2", "t3", "t4"]), items] += 1
    table[items] = table[items].clip(low, high)
    patients = table[["person", "therapist"]]
    wanted, therapists, notes = reliability_of(table, patients, named=True)
    assert {"icc_therapist", "omega_within_therapist", "omega_between_therapist"} <= {*wanted["coefficient"]}
    assert notes.empty
    unnamed = table.drop(columns="therapist")
    found, own, notes = reliability_of(unnamed, patients, named=False)
    pd.testing.assert_frame_equal(found, wanted)
    pd.testing.assert_series_equal(own, therapists)
    assert notes.empty

    first = patients["person"].iloc[0]
    second = pd.DataFrame({"person": [first], "therapist": ["t9"]})
    found, own, notes = reliability_of(unnamed, pd.concat([patients, second]), named=False)
    assert own.index[own.isna()].tolist() == [first] and notes["n"].tolist() == [1]
    assert found.loc[found["coefficient"].eq("icc_therapist"), "n"].eq(159).all()
