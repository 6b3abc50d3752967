"""The audit on real answers of public data sets: drawn groups of patients' size, clean and with one known fault."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from bowlby.instruments.catalogue import load_instrument
from bowlby.instruments.model import Instrument, Scale
from bowlby.instruments.scoring import item_name
from validation.keying_audit import ITEM_CHECKS, alarms, shuffled_columns, turned

SHARED = Path(__file__).parents[3] / "shared" / "data"
BFI = SHARED / "rdatasets_subset" / "psychTools_bfi.csv"
ECR = SHARED / "ecr_mother_father_italian" / "data_ECR.csv"
PHQ = SHARED / "phq_gad_pss_ukm" / "Psychological_aspects.csv"
TURNED = [1, 9, 10, 11, 12, 22, 25]


def real_rates(draws: int, sizes: tuple[int, ...] = (50, 150)) -> pd.DataFrame | None:
    """Columns data, persons, fault, named, draws; None where the data sets are not beside the checkout."""
    if not all(path.is_file() for path in (BFI, ECR, PHQ)):
        return None
    rows = []
    for label, instrument, answers, faults in _sets():
        for persons in sizes:
            for fault in ("clean", *faults):
                named = sum(_named(fault, answers, instrument, persons, seed) for seed in range(draws))
                rows.append((label, persons, fault, named, draws))
    return pd.DataFrame(rows, columns=["data", "persons", "fault", "named", "draws"])


def _sets():
    bfi, ecr = pd.read_csv(BFI).iloc[:, :25], pd.read_csv(ECR)
    phq = pd.read_csv(PHQ, encoding="utf-8-sig")
    yield "bfi (R psych), 5 scales", _bfi(), bfi, ("shuffled", "unreversed")
    for parent, letter in (("mother", "m"), ("father", "p")):
        columns = [f"o_ecr{n}{letter}" for n in range(1, 13)]
        yield f"ECR about the {parent} (Italian children), 2 scales", _ecr(), ecr[columns], ("shuffled",)
    yield "PHQ-9 (Malaysian students)", load_instrument("phq9"), phq[[f"D{n}" for n in range(1, 10)]], ()
    yield "GAD-7 (Malaysian students)", load_instrument("gad7"), phq[[f"A{n}" for n in range(1, 8)]], ()


def _named(fault: str, answers: pd.DataFrame, instrument: Instrument, persons: int, seed: int) -> bool:
    data = _form(answers.sample(persons, random_state=seed))
    if fault == "shuffled":
        return "columns_in_order" in set(alarms(shuffled_columns(data, seed), instrument)["check"])
    if fault == "unreversed":
        item = TURNED[seed % len(TURNED)]
        found = alarms(turned(data, instrument, [item]), instrument)
        return bool((found["check"].isin(ITEM_CHECKS) & found["item"].eq(item)).any())
    return len(alarms(data, instrument)) > 0


def _form(answers: pd.DataFrame) -> pd.DataFrame:
    items = {item_name(n + 1): answers[c].to_numpy(float) for n, c in enumerate(answers)}
    head = {
        "person": np.arange(len(answers)).astype(str),
        "role": "patient",
        "about": "self",
        "occasion": "intake",
        "session": pd.array([pd.NA] * len(answers), dtype="Int64"),
    }
    return pd.DataFrame(head | items)


def _bfi() -> Instrument:
    names = ("agree", "conscientious", "extraversion", "neuroticism", "openness")
    scales = {
        name: Scale(items=(own := range(5 * k + 1, 5 * k + 6)), reverse=[i for i in TURNED if i in own], min_answered=1)
        for k, name in enumerate(names)
    }
    return Instrument(
        id="bfi", name="bfi", n_items=25, response=(1, 6), aggregate="mean", confidence="verified-1", scales=scales
    )


def _ecr() -> Instrument:
    scales = {
        "avoidance": Scale(items=[2, 3, 4, 6, 10, 11], min_answered=1),
        "anxiety": Scale(items=[1, 5, 7, 8, 9, 12], min_answered=1),
    }
    return Instrument(
        id="ecr_it", name="ECR", n_items=12, response=(1, 5), aggregate="mean", confidence="verified-1", scales=scales
    )
