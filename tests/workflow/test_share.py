"""``bowlby share`` and ``bowlby export`` on the shared run of the example."""

import hashlib
import io
import json
import re
from zipfile import ZipFile

import docx
import pandas as pd
import pyreadstat
import pytest

from bowlby.reproduction.documents import bibtex
from bowlby.reproduction.share import descriptions


@pytest.fixture(scope="module")
def archive(example, shell):
    """The files of the archive by name, below the folder of the run's name."""
    path = example / "shared.zip"
    ran = shell("bowlby", "share", "results/example", "--output", path, "--licence", "CC-BY-4.0", cwd=example)
    assert ran.status == 0, ran.err
    with ZipFile(path) as packed:
        return {name.removeprefix("example/"): packed.read(name) for name in packed.namelist()}


def test_no_data_of_patients_are_in_it(example, archive):
    """Neither a table of persons nor an id of a person; issues.csv names rows of raw files, as in the results."""
    assert not [n for n in archive if n.startswith(("people", "measures", "fits", "logs")) or n.endswith(".parquet")]
    assert {n for n in archive if n.startswith(("analysis", "scores"))} <= {
        "scores/dictionary.csv",
        *(f"analysis/{s}.columns.csv" for s in ("primary", "perceived", "alliance")),
    }
    people = pd.read_parquet(example / "results/example/people/patients.parquet")
    ids = {*people["patient"], *people["therapist"].dropna()}
    for name, data in archive.items():
        if not name.endswith((".png", ".pdf", ".docx", ".svg", ".html")):
            assert not ids & set(re.findall(r"\w+", data.decode())), name


def test_every_column_is_described(archive):
    """The data package names every CSV file, its columns in order, and what each is."""
    package, known = json.loads(archive["datapackage.json"]), descriptions()
    resources = {resource["path"]: resource for resource in package["resources"]}
    assert set(resources) == {name for name in archive if name.endswith(".csv")}
    for name, resource in resources.items():
        header = list(pd.read_csv(io.BytesIO(archive[name]), nrows=0))
        assert [field["name"] for field in resource["schema"]["fields"]] == header
        assert not [column for column in header if column not in known and f"{name}#{column}" not in known], name
    assert package["licenses"][0]["name"] == "CC-BY-4.0"


def test_metadata_and_checksums_cover_every_file(archive):
    graph = {node["@id"]: node for node in json.loads(archive["ro-crate-metadata.json"])["@graph"]}
    parts = {part["@id"] for part in graph["./"]["hasPart"]}
    assert parts == set(archive) - {"ro-crate-metadata.json", "checksums.txt"} <= set(graph)
    assert graph["tables/table1.csv"]["sha256"] == hashlib.sha256(archive["tables/table1.csv"]).hexdigest()
    assert graph["ro-crate-metadata.json"]["conformsTo"]["@id"].endswith("/1.1")
    sums = dict(line.split("  ")[::-1] for line in archive["checksums.txt"].decode().splitlines())
    assert sums == {name: hashlib.sha256(data).hexdigest() for name, data in archive.items() if name != "checksums.txt"}
    words = "\n".join(paragraph.text for paragraph in docx.Document(io.BytesIO(archive["methods.docx"])).paragraphs)
    assert "Kenward-Roger (Kenward & Roger, 1997)" in words
    assert "@article{kenward1997," in archive["references.bib"].decode()


def test_references_of_both_styles_become_entries():
    apa = "Mölder, F., et al. (2021). Data & workflows: A guide. F1000Research, 10, 33."
    short = "Wei, Russell & Vogel (2007) J Pers Assess 88:187-204. doi:10.1080/00223890701268041"
    entries = bibtex([apa, short, "A manual of 1999"])
    assert "author = {Mölder, F. and others}" in entries and r"title = {{Data \& workflows: A guide}}" in entries
    assert "author = {Wei and Russell and Vogel}" in entries and "doi = {10.1080/00223890701268041}" in entries
    assert "pages = {187--204}" in entries and "@misc{a,\n  note = {A manual of 1999}\n}" in entries


def test_scores_and_sets_as_spss_files_with_labels(example, shell, tmp_path):
    ran = shell("bowlby", "export", "results/example", "--output", tmp_path, cwd=example)
    assert ran.status == 0 and "hold data of patients" in ran.out, ran.err
    table, meta = pyreadstat.read_sav(str(tmp_path / "analysis/primary.sav"))
    kept = pd.read_parquet(example / "results/example/analysis/primary.parquet")
    assert list(table) == list(kept) and (table["y"] - kept["y"]).abs().max() == 0
    assert meta.column_names_to_labels["y"] == "outcome after treatment, higher is better"
    assert "needs 7 of 9 answered" in pyreadstat.read_sav(str(tmp_path / "scores/phq9.sav"))[1].column_labels[7]


def test_a_run_that_may_show_single_persons_is_not_shared(example, shell, tmp_path):
    manifest = json.loads((example / "results/example/manifest.json").read_text("utf-8")) | {"privacy": "internal"}
    (tmp_path / "run").mkdir()
    (tmp_path / "run/manifest.json").write_text(json.dumps(manifest), "utf-8")
    ran = shell("bowlby", "share", tmp_path / "run", cwd=tmp_path)
    assert ran.status != 0 and "may show single persons" in ran.err and not list(tmp_path.glob("*.zip"))
