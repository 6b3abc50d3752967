"""Small data sets with known structure, drawn from fixed seeds."""

import numpy as np
import pandas as pd
import pytest


@pytest.fixture
def pre_post():
    """One row per patient: 24 therapists with 6 to 14 patients."""
    rng = np.random.default_rng(7)
    n = rng.integers(6, 15, 24)
    j = np.repeat(np.arange(24), n)
    a = rng.normal(size=j.size) + 0.3 * rng.normal(size=24)[j]
    a_b = (np.bincount(j, a) / n)[j]
    s = rng.normal(size=24)[j]
    y = 1 + 0.4 * (a - a_b) + 0.2 * s + 0.5 * rng.normal(size=24)[j] + rng.normal(size=j.size)
    return pd.DataFrame(
        {
            "y": y,
            "a": a,
            "a_w": a - a_b,
            "a_b": a_b,
            "s": s,
            "therapist": [f"T{k:02d}" for k in j],
            "arm": np.where(j % 3 == 0, "control", np.where(j % 3 == 1, "group", "single")),
        }
    )


def _sessions(switch: float, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    k = rng.integers(3, 8, 60)
    patient = np.repeat(np.arange(60), k)
    time = np.arange(k.sum()) - np.repeat(np.cumsum(k) - k, k) + rng.random(k.sum())
    first, second = rng.integers(0, 9, 60), rng.integers(0, 9, 60)
    late = (rng.random(60) < switch)[patient] & (time > 2)
    therapist = np.where(late, second[patient], first[patient])
    s = rng.normal(size=9)[therapist]
    y = (
        10
        - time
        + 0.3 * s
        + (2 * rng.normal(size=60))[patient]
        + 0.5 * rng.normal(size=60)[patient] * time
        + rng.normal(size=9)[therapist]
        + rng.normal(size=k.sum())
    )
    return pd.DataFrame(
        {
            "y": y,
            "time": time,
            "s": s,
            "patient": [f"P{i}" for i in patient],
            "therapist": [f"T{i}" for i in therapist],
            "age": rng.normal(size=60)[patient],
        }
    )


@pytest.fixture
def nested():
    """Sessions in patients in therapists."""
    return _sessions(0.0, 3)


@pytest.fixture
def crossed():
    """Sessions of patients of whom a third change therapist."""
    return _sessions(0.33, 4)


@pytest.fixture
def shared(pre_post):
    """Weights of 24 therapists, two pairs and one chain of three sharing four patients."""
    w = pd.get_dummies(pre_post.therapist).astype(float)
    for row, (own, other) in {0: (0, 5), 30: (2, 9), 31: (2, 9), 60: (5, 11)}.items():
        w.iloc[row] = 0.0
        w.iloc[row, [own, other]] = 0.7, 0.3
    return pre_post, w
