"""Parts of a study that share no patient: drawn, or summed over, in place of therapists where patients switch."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from bowlby.design.centring import components
from bowlby.robustness.claims import Rows

JOINED = 0.5
"""Share of the therapists in one part beyond which there are no parts to speak of."""
LARGEST = 5_000
"""Patients of a part whose covariance is still a full matrix."""
MOST = 1_000
"""Therapists of a part who are still left out one at a time: each time is three fits of their own."""


def groups(rows: Rows) -> np.ndarray:
    """Cluster of each row: a therapist, or therapists whom patients join by switching."""
    return components(rows.membership, rows.data["patient"])


def joined(rows: Rows) -> float:
    """Share of the therapists in the largest part."""
    members = rows.membership
    patient, therapist = (pd.factorize(members[name])[0] for name in ("patient", "therapist"))
    n, j = patient.max() + 1, therapist.max() + 1
    met = sparse.coo_matrix((np.ones(len(members)), (patient, n + therapist)), shape=(n + j, n + j))
    of_therapist = connected_components(met, directed=False)[1][n:]
    return float(np.bincount(of_therapist).max() / j)


def undivided(*rows: Rows) -> str:
    """Why these analysis sets have no parts, for the reader."""
    share = max(map(joined, rows))
    if share <= JOINED:
        return "patients who switched join therapists to groups that are too large"
    who = "all therapists" if share == 1 else f"{min(round(100 * share), 99)}% of the therapists"
    return f"patients who switched join {who} to one group, which leaves no separate groups to draw or to sum over"


def divisible(rows: Rows, group: np.ndarray) -> bool:
    """Whether residuals can be summed over parts: none holds most therapists, or more patients than a matrix takes."""
    return joined(rows) <= JOINED and np.bincount(group).max() <= LARGEST
