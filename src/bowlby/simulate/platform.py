"""A study as large as an internet platform's, written as Parquet piece by piece."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bowlby.errors import UserError, problem
from bowlby.files import atomic, write_json, write_text
from bowlby.simulate.items import ECR_S_PATIENT, ECR_S_THERAPIST, PHQ9, answer
from bowlby.simulate.latent import STYLE

SESSIONS = 10
ASKED = 3
PIECE = 20_000
"""Patients of one piece; each piece draws from its own numbers."""
TRUTH = {
    "P": 0.30,
    "T": 0.0,
    "own_style": 0.30,
    "icc_start": 0.03,
    "icc_course": 0.03,
    "patient_start": 0.50,
    "patient_course": 0.25,
    "session": 0.35,
    "gain": 1.0,
    "severity": 1.2,
}
"""In SDs of the outcome: slope of perceived security and of therapist style on the course from first to last session,
slope of perceived on own security, variances between therapists and patients at the start and in the course, variance
of single sessions, mean gain, and how far patients at the start lie below the norm."""


@dataclass(frozen=True)
class Platform:
    """Size and seed of a platform's study, and the share of patients who change their therapist."""

    therapists: int = 25_000
    patients: int = 40
    seed: int = 1
    switching: float = 0.0

    def piece(self, *number: int) -> np.random.Generator:
        """Random numbers of one piece; piece 0 is the therapists, and (0, 1) says who changes to whom and when."""
        return np.random.default_rng(np.random.SeedSequence((self.seed, 0x706C6174), spawn_key=number))


@dataclass(frozen=True)
class Course:
    """Who treats some patients.

    Attributes
    ----------
    first, second : ndarray of int, shape (n,)
        Therapists; the same where nobody is changed.
    sessions : ndarray of int, shape (n,)
        Sessions with the first.
    """

    first: np.ndarray
    second: np.ndarray
    sessions: np.ndarray

    def __getitem__(self, some: slice) -> Course:
        return Course(self.first[some], self.second[some], self.sessions[some])

    def shared(self, values: np.ndarray) -> np.ndarray:
        """Therapists' values as the patients meet them, by shares of sessions."""
        share = self.sessions / SESSIONS
        return share * values[self.first] + (1 - share) * values[self.second]

    def by_session(self) -> np.ndarray:
        """Therapist of every session, (n * SESSIONS,)."""
        at = np.arange(1, SESSIONS + 1) <= self.sessions[:, None]
        return np.where(at, self.first[:, None], self.second[:, None]).ravel()


def write_platform(platform: Platform, folder: str | Path) -> list[Path]:
    """Simulate and write ``therapists.parquet``, ``patients.parquet``, ``sessions.parquet`` and ``truth.json``.

    Parameters
    ----------
    platform : Platform
    folder : path
        Must be empty or absent.

    Returns
    -------
    list of Path
        The files written. ``sessions.parquet`` has one row a patient and session with nine items, sorted by patient.
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(problem(f"{folder} is not empty", "name a folder that is empty or absent"))
    folder.mkdir(parents=True, exist_ok=True)
    j = platform.therapists
    rng = platform.piece(0)
    style = rng.standard_normal((j, 2)) @ np.linalg.cholesky(STYLE).T
    effects = rng.standard_normal((j, 2)) * np.sqrt([TRUTH["icc_start"], TRUTH["icc_course"]])
    names = _names("T", np.arange(1, j + 1), j)
    own = answer(ECR_S_THERAPIST, _styles(style), rng)
    treated = _switched(platform, _therapists(rng, j, platform.patients))
    n, switching = len(treated.first), platform.switching > 0
    pieces = [slice(at, min(at + PIECE, n)) for at in range(0, n, PIECE)]
    files = [folder / f"{name}.parquet" for name in ("therapists", "patients", "sessions")]
    people, sessions = _Writer(), _Writer()

    def write(paths):
        for number, piece in enumerate(pieces, 1):
            these = treated[piece]
            drawn = _piece(platform.piece(number), these, style, effects)
            patient = _names("P", np.arange(piece.start + 1, piece.stop + 1), n)
            with_whom = {"patient_id": patient, "therapist_id": names[these.first]} | _second(these, names, switching)
            people.add(paths[0], with_whom | _columns("about", drawn["perceived"]) | _columns("ecr", drawn["own"]))
            when = np.tile(np.arange(1, SESSIONS + 1, dtype=np.int8), len(patient))
            key = {"patient_id": np.repeat(patient, SESSIONS), "session": when}
            key |= {"therapist_id": names[these.by_session()]} if switching else {}
            sessions.add(paths[1], key | _columns("phq9", drawn["phq9"]))
        people.close()
        sessions.close()

    atomic(files[0], lambda path: _whole(path, {"therapist_id": names} | _columns("ecr", own)))
    atomic(files[1], lambda path: atomic(files[2], lambda other: write((path, other))))
    truth = {"schema": 1, "synthetic": True, "seed": platform.seed, "therapists": j, "patients": n,
             "sessions": n * SESSIONS, "switching": int((treated.sessions < SESSIONS).sum()), **TRUTH}  # fmt: skip
    written = [write_json(folder / "truth.json", truth), write_text(folder / "README.md", _readme(truth))]
    return [*files, *written]


def _therapists(rng: np.random.Generator, j: int, patients: int) -> np.ndarray:
    """Therapist of each patient: gamma-Poisson case loads of at least two, patients in random order."""
    load = np.maximum(rng.poisson(rng.gamma(6.0, patients / 6.0, j)), 2)
    return rng.permutation(np.repeat(np.arange(j), load))


def _switched(platform: Platform, first: np.ndarray) -> Course:
    """Who goes to another therapist, any of them, after which session from the third to the last but one."""
    n, j, rng = len(first), platform.therapists, platform.piece(0, 1)
    moved = np.flatnonzero(rng.random(n) < platform.switching)
    second, sessions = first.copy(), np.full(n, SESSIONS)
    second[moved] = (first[moved] + rng.integers(1, j, len(moved))) % j
    sessions[moved] = rng.integers(ASKED, SESSIONS, len(moved))
    return Course(first, second, sessions)


def _second(treated: Course, names: np.ndarray, switching: bool) -> dict[str, np.ndarray]:
    """The second therapist, and the sessions with both, where anybody changes."""
    if not switching:
        return {}
    left = (SESSIONS - treated.sessions).astype(np.int8)
    after = np.where(left > 0, names[treated.second], "")
    return {"sessions_1": treated.sessions.astype(np.int8), "therapist_2": after, "sessions_2": left}


def _piece(rng: np.random.Generator, treated: Course, style: np.ndarray, effects: np.ndarray) -> dict:
    """Answers of some patients: about themselves, about their first therapist, and at every session."""
    n, truth = len(treated.first), TRUTH
    own = rng.standard_normal((n, 2)) @ np.linalg.cholesky(STYLE).T
    unique = np.sqrt(1 - truth["own_style"] ** 2)
    perceived = truth["own_style"] * own + unique * (rng.standard_normal((n, 2)) @ np.linalg.cholesky(STYLE).T)
    norm = np.sqrt(2 + 2 * STYLE[0, 1])
    felt, secure = -perceived.sum(axis=1) / norm, -style.sum(axis=1) / norm
    start = effects[treated.first, 0] + np.sqrt(truth["patient_start"]) * rng.standard_normal(n) - truth["severity"]
    course = truth["gain"] + truth["P"] * felt + treated.shared(truth["T"] * secure + effects[:, 1])
    course += np.sqrt(truth["patient_course"]) * rng.standard_normal(n)
    time = np.arange(SESSIONS) / (SESSIONS - 1)
    noise = np.sqrt(truth["session"]) * rng.standard_normal((n, SESSIONS))
    outcome = start[:, None] + course[:, None] * time + noise
    return {
        "own": answer(ECR_S_PATIENT, _styles(own), rng),
        "perceived": answer(ECR_S_PATIENT, _styles(perceived), rng),
        "phq9": answer(PHQ9, {"total": -outcome.ravel()}, rng),
    }


def _styles(values: np.ndarray) -> dict[str, np.ndarray]:
    return {"anxiety": values[:, 0], "avoidance": values[:, 1]}


def _names(letter: str, numbers: np.ndarray, most: int) -> np.ndarray:
    return np.char.add(letter, np.char.zfill(numbers.astype(str), len(str(most))))


def _columns(stem: str, answers: dict[int, np.ndarray]) -> dict[str, np.ndarray]:
    return {f"{stem}_{item}": values.astype(np.int8) for item, values in answers.items()}


class _Writer:
    """A Parquet file that grows by row groups."""

    def __init__(self):
        self.file = None

    def add(self, path: Path, columns: dict[str, np.ndarray]) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        table = pa.table(columns)
        self.file = self.file or pq.ParquetWriter(path, table.schema, compression="zstd")
        self.file.write_table(table)

    def close(self) -> None:
        if self.file:
            self.file.close()


def _whole(path: Path, columns: dict[str, np.ndarray]) -> None:
    writer = _Writer()
    writer.add(path, columns)
    writer.close()


def _readme(truth: dict) -> str:
    changes = ""
    if truth["switching"]:
        changes = f"""
{truth["switching"]:,} patients change to another therapist after session {ASKED} or later: `therapist_id` in
`patients.parquet` is the first, `therapist_2` the second, `sessions_1` and `sessions_2` count the sessions with each,
and `sessions.parquet` names the therapist of every session. Therapists count by their shares of sessions.
"""
    return f"""# A synthetic platform

**These data are synthetic**, drawn by `bowlby simulate --platform` with seed {truth["seed"]}: {truth["therapists"]:,}
therapists, {truth["patients"]:,} patients, {truth["sessions"]:,} sessions. `truth.json` holds what is true, in SDs of
the outcome: perceived attachment has a slope of P = {truth["P"]} on the gain, the therapist's style of {truth["T"]:g}.
{changes}
- `sessions.parquet`: one row a patient and session, nine items of the outcome (PHQ-9).
- `patients.parquet`: one row a patient; twelve items about the therapist (`about_*`, asked at session {ASKED}) and
  twelve about the patient (`ecr_*`, asked at the first session).
- `therapists.parquet`: one row a therapist, the same twelve items about the therapist's own style.
"""
