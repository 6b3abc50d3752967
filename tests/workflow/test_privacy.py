"""Recognisable values go in; none comes out of what is shared."""

import re
import shutil
from pathlib import Path
from types import SimpleNamespace
from zipfile import ZipFile

import pandas as pd
import pytest
import yaml

from bowlby import figures, report, stages, tables
from bowlby.job import job
from bowlby.manifest import write_manifest
from bowlby.plan import plan
from bowlby.reproduction.scripts import write_scripts
from bowlby.robustness.stage import Sources, compute_shard

ROOT = Path(__file__).parents[2]
SECRETS = {
    "patient": "Zebrafink",
    "therapist": "Quetzal",
    "free text": "Grossmutter in Kleinmachnow",
    "text for a number": "Schmetterling",
    "number out of range": "98761",
    "date": "1931-",
    "unreadable date": "Walpurgisnacht",
    "unknown group": "Hermaphroditus",
}
SHARED = (
    "report.html",
    "methods.md",
    "summary.txt",
    "issues.csv",
    "verdict.json",
    "comparison.json",
    "adequacy.json",
    "robustness.json",
    "clinical_change.json",
    "moderation.json",
    "dictionary.csv",
    "datapackage.json",
    "reproduce.R",
    "reproduce.py",
)
FOLDERS = ("figures", "tables", "logs", "estimands")
CODED = {".pdf", ".png"}


def plant(folder: Path) -> Path:
    """The example with secrets in every kind of cell; the path of its configuration."""
    data = folder / "data/raw/example"
    shutil.copytree(ROOT / "data/raw/example", data)
    shutil.copytree(ROOT / "config", folder / "config", ignore=shutil.ignore_patterns("local", "examples", "schemas"))
    patients = pd.read_csv(data / "patients.csv", dtype=str, keep_default_na=False)
    patients["patient_id"] = "Zebrafink-" + patients["patient_id"]
    patients["therapist_id"] = "Dr Quetzal " + patients["therapist_id"]
    patients["date"] = patients["date"].str.replace(r"^\d{4}", "1931", regex=True)
    patients["notes"] = "tells of her Grossmutter in Kleinmachnow"
    answered = patients.index[patients["phq9_1"] != ""]
    patients.loc[answered[0], ["phq9_1", "phq9_2"]] = ["Schmetterling", "98761"]
    patients.loc[answered[1], "date"] = "Walpurgisnacht"
    patients.to_csv(data / "patients.csv", index=False)
    book = pd.read_excel(data / "therapists.xlsx", sheet_name="ECR-S", dtype=object)
    book["therapist_id"] = "Dr Quetzal " + book["therapist_id"].astype(str)
    book.to_excel(data / "therapists.xlsx", sheet_name="ECR-S", index=False)
    import pyreadstat

    people, _ = pyreadstat.read_sav(str(data / "demographics.sav"))
    people["patient_id"] = "Zebrafink-" + people["patient_id"]
    for column in ("therapist_1", "therapist_2"):
        people[column] = [f"Dr Quetzal {t}" if isinstance(t, str) and t else "" for t in people[column]]
    people["gender"] = people["gender"].astype(object).where(people.index > 0, None).map(str)
    people.loc[0, "gender"] = "Hermaphroditus"
    people.drop(columns="age").assign(age=40 + people.index % 9).to_csv(data / "demographics.csv", index=False)
    study = yaml.safe_load((folder / "config/study.yaml").read_text("utf-8"))
    study["files"][2]["path"] = "../data/raw/example/demographics.csv"
    study["files"][0]["date"] = "date"
    (folder / "config/study.yaml").write_text(yaml.safe_dump(study), encoding="utf-8")
    run = yaml.safe_load((folder / "config/config.yaml").read_text("utf-8")) | {"clinical_change": {}}
    run["moderation"] = ["therapist_style by pretest", "perceived by therapist_style", "perceived by diagnosis"]
    (folder / "config/config.yaml").write_text(yaml.safe_dump(run, sort_keys=False), encoding="utf-8")
    return folder / "config/config.yaml"


def run_here(config: Path) -> Path:
    """All stages in this process, each with its log as its job would write it; the run's folder."""
    planned = plan(config)
    loaded, folder = planned.loaded, planned.folder
    sources = Sources(loaded, folder)
    steps = [
        ("ingest", lambda: stages.ingest(loaded, folder)),
        ("score", lambda: stages.score(loaded, folder, planned.instruments)),
        *((f"{s}_set", lambda s=s: stages.design(loaded, folder, s, planned.instruments)) for s in planned.sets),
        *((f"{s}_fit", lambda s=s: stages.fit(loaded, folder, s)) for s in planned.sets),
        ("estimate", lambda: stages.estimate(loaded, folder)),
        *(
            (kind, lambda work=work: compute_shard(sources, work, folder / f"robustness/{work.kind}.parquet"))
            for kind, work in planned.robustness.items()
        ),
        ("compare", lambda: stages.compare(loaded, folder)),
        ("clinical_change", lambda: stages.examine_change(loaded, folder, "clinical_change")),
        ("moderation", lambda: stages.moderate(loaded, folder)),
        ("manifest", lambda: write_manifest(planned)),
        ("scripts", lambda: write_scripts(folder, planned.models(), loaded.title)),
        *((part.__name__, lambda part=part: part.build(folder)) for part in (figures, tables, report)),
    ]
    for name, work in steps:
        with job(SimpleNamespace(log=[str(folder / f"logs/{name}.log")])):
            work()
    return folder


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("planted")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return folder / run_here(plant(folder))


def shared(folder: Path) -> dict[str, str]:
    """Text of every file that may be shared."""
    paths = [folder / name for name in SHARED]
    paths += [p for name in FOLDERS for p in (folder / name).rglob("*") if p.is_file() and p.suffix not in CODED]
    paths += list(folder.glob("*.csv"))
    return {p.relative_to(folder).as_posix(): _text(p) for p in paths}


def _text(path: Path) -> str:
    if path.suffix == ".docx":
        with ZipFile(path) as archive:
            return archive.read("word/document.xml").decode()
    return path.read_text("utf-8")


def test_secrets_were_read(planted):
    """What is looked for below is in the data of the run, so that finding none of it means something."""
    measures = pd.read_parquet(planted / "measures/phq9.parquet")
    assert measures["person"].str.contains("Zebrafink").all() and measures["therapist"].str.contains("Quetzal").any()
    assert (pd.to_datetime(measures["date"].dropna()).dt.year == 1931).all()
    codes = set(pd.read_csv(planted / "issues.csv")["code"])
    assert {"not_a_number", "out_of_range"} <= codes, codes


@pytest.mark.parametrize("what", SECRETS)
def test_no_secret_is_shared(planted, what):
    sign = re.compile(rf"(?<![\d.]){SECRETS[what]}")
    found = [name for name, text in shared(planted).items() if sign.search(text)]
    assert found == []


def test_no_id_or_row_of_a_patient_is_in_what_is_drawn(planted):
    """Bare ids, and the scores of single patients in full precision."""
    data = pd.read_parquet(planted / "analysis/primary.parquet")
    # short numbers such as 8.625 are also means of several patients
    own = {text for c in ("baseline_within", "perceived_within") for v in data[c] if len(text := repr(v)) > 10}
    assert len(own) > len(data)
    for name, text in shared(planted).items():
        assert not re.search(r"\bP0\d{3}\b|\bT[0-4]\d\b", text), name
        if name.startswith("figures/data"):
            cells = set(re.split("[,\n]", text))
            assert not cells & own, name


def test_internal_says_so(planted, tmp_path):
    folder = tmp_path / "internal"
    shutil.copytree(planted, folder)
    manifest = folder / "manifest.json"
    manifest.write_text(manifest.read_text("utf-8").replace('"privacy": "shareable"', '"privacy": "internal"'))
    assert "Internal." in report.build_report(folder)
    assert "Internal." not in report.build_report(planted)
