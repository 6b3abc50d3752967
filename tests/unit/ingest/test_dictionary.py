"""The data dictionary: every column of every table, with its type, and a data package that others can read."""

import re
from dataclasses import replace
from types import SimpleNamespace

import pandas as pd
import pyreadstat
import pytest

from bowlby import stages
from bowlby.config.study import Covariate
from bowlby.dictionary import OWN, Column, Table, dictionary, package, slug
from bowlby.files import read_json
from bowlby.ingest.output_tables import _covariate

STUDY = """name: Ümlaut study
occasions: [pre, post]
files:
  - path: a.csv
    who: {person: id, therapist: th, site: clinic}
    when: {names: {t1: pre, t2: post}}
    session: s
    date: "day_{t}"
    measures:
      - {instrument: gad7, items: "g{n}_{t}"}
      - {instrument: phq9, scored: {total: "phq_{t}"}}
  - path: b.sav
    who: {person: id, site_name: X}
    covariates:
      age: {column: alter, unit: years}
      sex: {column: sex, kind: category}
      since: {column: since, kind: date}
      box: {column: drug___1, kind: checkbox, description: takes a drug}
    episodes: [{therapist: th, sessions: n}]
  - path: c.csv
    who: {person: tid, role: therapist, site_name: X}
    measures: [{instrument: aai, coded: aai}]
"""


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("described")
    columns = ["id", "th", "clinic", "s", *(f"{c}_{t}" for t in ("t1", "t2") for c in
               ("day", *(f"g{n}" for n in range(1, 8)), "phq"))]  # fmt: skip
    rows = [",".join(columns)]
    rows += [f"{i},T,X,{i},2024-01-0{i},1,2,3,0,1,,3,7,,3,2,1,0,1,2,3,8.5" for i in (1, 2)]
    (folder / "a.csv").write_text("\n".join(rows) + "\n")
    table = pd.DataFrame({"id": ["1", "2"], "th": ["T", "U"], "n": [3.0, 4.0], "alter": [30.0, None], "sex": [1.0, 2.0],
                          "since": ["2020-01-01", ""], "drug___1": [1.0, 0.0]})  # fmt: skip
    pyreadstat.write_sav(
        table,
        folder / "b.sav",
        column_labels={"alter": "Age at intake"},
        variable_value_labels={"sex": {1: "w", 2: "m"}},
    )
    (folder / "c.csv").write_text("tid,aai\nT,F\nU,Ds\n")
    (folder / "study.yaml").write_text(STUDY, encoding="utf-8")
    (folder / "run.yaml").write_text("run: t\nstudy: study.yaml\noutcome: {instrument: gad7}\ngrowth: {reml: true}\n")
    from bowlby.config import load

    stages.ingest(load(folder / "run.yaml"), folder / "out")
    return folder / "out"


def rows_of(folder):
    return pd.read_csv(folder / "dictionary.csv", keep_default_na=False)


def test_every_column_of_every_table_is_described_in_order(written):
    found = rows_of(written)
    paths = sorted(p.relative_to(written).as_posix() for p in written.rglob("*.parquet"))
    assert sorted({*found["table"]} - {"issues.csv"}) == paths and len(paths) == 7
    for path, rows in found.groupby("table"):
        table = pd.read_parquet(written / path) if path in paths else pd.read_csv(written / path)
        assert rows["name"].tolist() == table.columns.tolist()
        assert (rows["description"] != "").all()


def test_types_are_those_of_the_values(written):
    arrow = {"string": "str|object", "number": "float64", "integer": "[Ii]nt64", "date": r"date32\[day\]|date32.*"}
    for row in rows_of(written).query("table != 'issues.csv'").itertuples():
        values = pd.read_parquet(written / row.table, dtype_backend="pyarrow")[row.name]
        kind = str(values.dtype).replace("[pyarrow]", "").replace("double", "float64").replace("large_string", "str")
        kind = kind.replace("string", "str")
        if values.notna().any():
            assert re.fullmatch(arrow[row.type], kind), (row.table, row.name, row.type, kind)
            numbers = values.dropna()
            assert row.minimum == "" or (numbers >= float(row.minimum)).all()
            assert row.maximum == "" or (numbers <= float(row.maximum)).all()
        assert row.required in (False, "False") or values.notna().all()


def test_what_is_said_of_columns(written):
    said = rows_of(written).set_index(["table", "name"])[["unit", "labels", "source", "description"]]
    patients, gad = "people/patients.parquet", "measures/gad7.parquet"
    assert said.loc[(patients, "age")].tolist() == ["years", "", "b.sav: alter", "Age at intake"]
    few = "sex (categories of fewer than 5 persons each)"
    assert said.loc[(patients, "sex")].tolist() == ["", "", "b.sav: sex", few]
    assert said.loc[(patients, "box"), "description"] == "takes a drug"
    assert said.loc[(patients, "patient"), "source"] == "a.csv: id; b.sav: id"
    assert said.loc[(patients, "site"), "source"] == "a.csv: clinic; b.sav: study file"
    assert said.loc[(gad, "i03")].tolist() == [
        "points",
        "",
        "a.csv: g3_t1, g3_t2",
        "item 3, as answered (not reversed)",
    ]
    assert said.loc[(gad, "date"), "source"] == "a.csv: day_t1, day_t2"
    assert said.loc[(gad, "session"), "source"] == "a.csv: s"
    assert said.loc[("measures/phq9.parquet", "total"), "source"] == "a.csv: phq_t1, phq_t2"
    assert "F = " in said.loc[("measures/aai.parquet", "code"), "labels"]
    assert said.loc[("people/episodes.parquet", "sessions"), "source"] == "b.sav: n"


def test_the_package_is_a_frictionless_data_package(written):
    found = read_json(written / "datapackage.json")
    assert found["$schema"] == "https://datapackage.org/profiles/2.0/datapackage.json"
    assert (found["name"], found["title"]) == ("t", "Ümlaut study")
    resources = {r["name"]: r for r in found["resources"]}
    assert len(resources) == len(found["resources"]) == 9
    for name, resource in resources.items():
        assert re.fullmatch(r"[a-z0-9._-]+", name) and resource["type"] == "table"
        path = resource["path"]
        assert (written / path).is_file() and not path.startswith("/") and ".." not in path
        assert resource["format"] == path.rpartition(".")[2]
        fields = {f["name"]: f for f in resource["schema"]["fields"]}
        assert len(fields) == len(resource["schema"]["fields"])
        assert {f["type"] for f in fields.values()} <= {"string", "number", "integer", "boolean", "date"}
        schema = resource["schema"]
        for key in [schema["primaryKey"]] if "primaryKey" in schema else schema.get("uniqueKeys", []):
            assert set(key) <= set(fields)
            if path.endswith(".parquet"):
                assert not pd.read_parquet(written / path).duplicated(key).any()
        for key in schema.get("primaryKey", []):
            assert fields[key]["constraints"]["required"]
        for foreign in schema.get("foreignKeys", []):
            other = resources[foreign["reference"]["resource"]]
            known = set(pd.read_parquet(written / other["path"])[foreign["reference"]["fields"][0]])
            assert set(pd.read_parquet(written / path)[foreign["fields"][0]].dropna()) <= known


def test_a_later_stage_describes_its_own_tables_alike():
    table = Table("scores-gad7", "scores/gad7.parquet", "Scores.", [
        Column("person", "string", "id", required=True),
        Column("total", "number", "sum of the items", "points", "measures/gad7.parquet: i01 to i07", low=0, high=21),
    ], ("person",))  # fmt: skip
    assert dictionary([table])["maximum"].tolist()[1] == 21
    (resource, own) = package("A run", "A run", [table, OWN])["resources"]
    assert resource["schema"]["primaryKey"] == ["person"]
    assert resource["schema"]["fields"][1]["maximum"] == 21
    assert [f["name"] for f in own["schema"]["fields"]] == dictionary([]).columns.tolist()
    nullable = package("x", "x", [replace(table, columns=[replace(c, required=False) for c in table.columns])])
    assert nullable["resources"][0]["schema"]["uniqueKeys"] == [["person"]]


def test_names_of_packages():
    assert [slug(t) for t in ("My Study (2)", "ecr_s", "-")] == ["my-study-2", "ecr_s", "x"]


@pytest.mark.parametrize(("m", "labels", "what"), [
    (5, {"w": "w", "m": "m"}, "sex"),
    (4, {}, "sex (w; others of fewer than 5 persons each)"),
])  # fmt: skip
def test_labels_of_fewer_than_five_persons_are_not_named(m, labels, what):
    raw = SimpleNamespace(name="b.sav", labels={"sex": {"1": "w", "2": "m"}}, titles={},
                          spec=SimpleNamespace(covariates={}))  # fmt: skip
    found = _covariate("sex", Covariate(column="sex", kind="category"), raw, [], pd.Series(["w"] * 6 + ["m"] * m))
    assert (found.labels, found.description) == (labels, what)
