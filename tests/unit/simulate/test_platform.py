"""A platform's study in small: the files hold what the truth says, and the same seed the same bytes."""

import numpy as np
import pandas as pd
import pytest

from bowlby.errors import UserError
from bowlby.files import read_json
from bowlby.simulate.platform import SESSIONS, Platform, write_platform


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    folder = tmp_path_factory.mktemp("platform") / "data"
    write_platform(Platform(therapists=60, patients=10, seed=3), folder)
    return folder


def test_every_patient_has_every_session_and_a_therapist(small):
    sessions, patients, therapists = (
        pd.read_parquet(small / f"{name}.parquet") for name in ("sessions", "patients", "therapists")
    )
    truth = read_json(small / "truth.json")
    assert (len(sessions), len(patients), len(therapists)) == (truth["sessions"], truth["patients"], 60)
    assert sessions.groupby("patient_id")["session"].agg(list).map(lambda s: s == list(range(1, SESSIONS + 1))).all()
    assert set(sessions["patient_id"]) == set(patients["patient_id"])
    assert patients["therapist_id"].isin(therapists["therapist_id"]).all()
    assert patients["therapist_id"].value_counts().min() >= 2
    items = sessions.filter(like="phq9_")
    assert items.shape[1] == 9 and items.to_numpy().min() == 0 and items.to_numpy().max() == 3


def test_patients_gain_and_feel_secure_with_gain(small):
    """Signs of the truth: symptoms fall, and fall more where patients feel secure with their therapist."""
    sessions, patients = (pd.read_parquet(small / f"{name}.parquet") for name in ("sessions", "patients"))
    total = sessions.assign(total=sessions.filter(like="phq9_").sum(axis=1))
    total = total.pivot_table(index="patient_id", columns="session", values="total")
    gain = total[1] - total[SESSIONS]
    assert 2 < gain.mean() < 10
    about = patients.set_index("patient_id").filter(like="about_")
    reverse = [1, 5, 8, 9]
    about[[f"about_{i}" for i in reverse]] = 8 - about[[f"about_{i}" for i in reverse]]
    assert np.corrcoef(gain, about.sum(axis=1).reindex(gain.index))[0, 1] < -0.1


def test_the_same_seed_gives_the_same_bytes(small, tmp_path):
    write_platform(Platform(therapists=60, patients=10, seed=3), tmp_path / "again")
    for name in ("sessions", "patients", "therapists"):
        assert (tmp_path / f"again/{name}.parquet").read_bytes() == (small / f"{name}.parquet").read_bytes()
    with pytest.raises(UserError, match="not empty"):
        write_platform(Platform(), small)


def test_patients_who_change_have_two_therapists_and_all_else_stays(small, tmp_path):
    """A fifth change; the answers of everyone else, and who their first therapist is, are those without any change."""
    write_platform(Platform(therapists=60, patients=10, seed=3, switching=0.2), tmp_path / "data")
    patients, before = (pd.read_parquet(f / "patients.parquet") for f in (tmp_path / "data", small))
    moved = patients["therapist_2"] != ""
    truth = read_json(tmp_path / "data/truth.json")
    assert truth["switching"] == moved.sum() and abs(moved.mean() - 0.2) < 0.06
    assert (patients["sessions_1"] + patients["sessions_2"] == SESSIONS).all()
    assert (patients.loc[moved, "sessions_2"] > 0).all() and (patients.loc[~moved, "sessions_2"] == 0).all()
    assert (patients.loc[moved, "therapist_2"] != patients.loc[moved, "therapist_id"]).all()
    assert patients[before.columns].equals(before)
    sessions, was = (pd.read_parquet(f / "sessions.parquet") for f in (tmp_path / "data", small))
    met = sessions.groupby("patient_id")["therapist_id"]
    assert (met.nunique().reindex(patients["patient_id"]).to_numpy() == 1 + moved.to_numpy()).all()
    first = met.first().reindex(patients["patient_id"])
    assert (first.to_numpy() == patients["therapist_id"].to_numpy()).all()
    at = sessions.merge(patients.set_index("patient_id")["sessions_1"], left_on="patient_id", right_index=True)
    later = at["session"] > at["sessions_1"]
    assert (later == (at["therapist_id"] != at["patient_id"].map(first))).all()
    stayed = sessions["patient_id"].isin(patients.loc[~moved, "patient_id"])
    assert sessions.loc[stayed, was.columns].equals(was[stayed.to_numpy()])
