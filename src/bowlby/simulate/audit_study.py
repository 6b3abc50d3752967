"""How often the audit of keys names a known fault, and how often it cries wolf: many simulated studies of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bowlby.instruments.across import across, directed
from bowlby.instruments.audit import audit
from bowlby.instruments.catalogue import load_instrument
from bowlby.instruments.model import Instrument
from bowlby.instruments.scoring import score
from bowlby.simulate.faults import (
    answers,
    copied_forms,
    fewer_categories,
    shuffled_columns,
    straight_lines,
    study,
    turned,
    turned_scale,
)

SEED, PATIENTS, STUDIES = 20261125, 150, 100
ITEM_CHECKS = ("item_rest", "first_loading", "alpha_if_dropped")
SCALE_CHECKS = ("scale_rest", "norm_direction", "scale_relation")
CLEAN = (
    "cats ecr_rs ecr ecr_r ecr_s ecr_12 aas_r asq wai_sr wai_s wai_36 haq_ii srs phq9 gad7 bdi_ii core10 core_om bsi18 "
    "oq45 pcl5 dar5 iip32 wsas k10 mzq ments"
).split()
ITEMS = (
    ("cats", 17), ("ecr", 22), ("ecr", 33), ("ecr_s", 8), ("aas_r", 8), ("wai_s", 10), ("wai_36", 29), ("haq_ii", 4),
    ("core_om", 31), ("core10", 2), ("oq45", 12), ("phq9", 3), ("ments", 9),
)  # fmt: skip
SCALES = (
    ("cats", "secure"), ("cats", "avoidant_fearful"), ("cats", "preoccupied_merger"), ("aas_r", "anxiety"),
    ("wai_sr", "bond"), ("wai_sr", "total"), ("wai_s", "goal"), ("wai_36", "bond"), ("haq_ii", "total"),
    ("core_om", "problems"), ("oq45", "social_role"),
)  # fmt: skip
SHUFFLED = ("cats", "ecr", "ecr_s", "aas_r", "asq", "wai_sr", "wai_s", "wai_36", "core_om", "oq45", "ments")
STRAIGHT = ("cats", "ecr", "ecr_s", "aas_r", "wai_36", "haq_ii", "core_om", "oq45")
COPIED = ("cats", "ecr", "ecr_r", "asq", "wai_36", "core_om", "oq45")
WHOLE = ("phq9", "cats", "ecr_s")
# What 150 patients' answers do not hold; measured all the same, so that nobody relies on it.
BLIND = (
    ("scale", "phq9", "total"), ("scale", "gad7", "total"), ("scale", "core10", "total"), ("scale", "ecr", "anxiety"),
    ("shuffled", "phq9", None), ("copied", "wai_sr", None), ("copied", "ecr_s", None),
)  # fmt: skip
SPOILED = {
    "item": lambda data, instrument, which, seed: turned(data, instrument, [which]),
    "scale": lambda data, instrument, which, seed: turned_scale(data, instrument, which),
    "five": lambda data, instrument, which, seed: fewer_categories(data, instrument),
    "shuffled": lambda data, instrument, which, seed: shuffled_columns(data, seed),
    "straight": lambda data, instrument, which, seed: straight_lines(data, instrument, seed),
    "copied": lambda data, instrument, which, seed: copied_forms(data, seed),
    "already": lambda data, instrument, which, seed: turned(data, instrument, _reversed(instrument)),
}
CHECKS = {
    "five": ("response_range",),
    "shuffled": ("columns_in_order",),
    "straight": ("straight_lining",),
    "copied": ("duplicate_rows",),
    "already": ("already_reversed",),
}


@dataclass(frozen=True)
class Case:
    """One fault in one instrument; without a fault, clean answers."""

    fault: str
    instrument: str
    which: int | str | None = None

    def named(self, alarms: pd.DataFrame) -> bool:
        """Whether the alarms name this fault; of clean answers, whether there is any alarm."""
        if self.fault == "clean":
            return len(alarms) > 0
        if self.fault == "item":
            return bool((alarms["check"].isin(ITEM_CHECKS) & alarms["item"].eq(self.which)).any())
        if self.fault == "scale":
            scales = alarms["scale"].fillna("").str.split(" with ").apply(lambda names: self.which in names)
            return bool((alarms["check"].isin(SCALE_CHECKS) & scales).any())
        return bool(alarms["check"].isin(CHECKS[self.fault]).any())


def cases() -> list[Case]:
    """Every case that the audit answers for: at least 95 of 100 faults named, at most 5 of 100 clean ones alarmed."""
    return [
        *(Case("clean", name) for name in CLEAN),
        *(Case("item", *pair) for pair in ITEMS),
        *(Case("scale", *pair) for pair in SCALES),
        *(Case("five", name) for name in ("ecr", "ecr_r", "ecr_s", "wai_s", "wai_36")),
        *(Case("shuffled", name) for name in SHUFFLED),
        *(Case("straight", name) for name in STRAIGHT),
        *(Case("copied", name) for name in COPIED),
        *(Case("already", name) for name in ("ecr", "ecr_s", "core10", "haq_ii")),
    ]


def blind() -> list[Case]:
    """Cases that cannot be told from 150 patients' answers to this instrument alone."""
    return [Case(*case) for case in BLIND]


def count(case: Case, studies: int = STUDIES, patients: int = PATIENTS, seed: int = SEED) -> int:
    """In how many of some studies the fault is named (or, of clean ones, an alarm is raised)."""
    instrument, spoil = load_instrument(case.instrument), SPOILED.get(case.fault)
    found = 0
    for k in range(studies):
        number = int(np.random.SeedSequence([seed, k, _number(case)]).generate_state(1)[0])
        data = answers(instrument, number, patients)
        if spoil:
            data = spoil(data, instrument, case.which, number)
        found += case.named(alarms(data, instrument))
    return found


def alarms(data: pd.DataFrame, instrument: Instrument) -> pd.DataFrame:
    """What the audit finds, the confidence of the key apart."""
    return _failed(audit(data, instrument, score(data, instrument)))


def study_alarms(number: int, patients: int = PATIENTS, therapists: int = 48) -> pd.DataFrame:
    """Alarms in a clean study: three questionnaires, patients of two sites at three occasions, and therapists."""
    found, scales = [], {}
    for k, name in enumerate(WHOLE):
        instrument = load_instrument(name)
        seed = int(np.random.SeedSequence([SEED, number, k]).generate_state(1)[0])
        data = study(instrument, seed, patients, therapists)
        scores, own = score(data, instrument), data[data["role"] == "patient"].drop_duplicates("person")
        sites = {"patient": own.set_index("person")["source_file"].str.removesuffix(".csv")}
        found.append(audit(data, instrument, scores, sites))
        scales[name] = directed(scores, instrument, data, sites)
    return _failed(pd.concat([*found, across(scales)], ignore_index=True))


def _failed(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["verdict"].isin(["suspicious", "wrong"]) & table["check"].ne("key_confidence")]


def table(rows: list[Case], progress: Callable[[Case, int], None] | None = None, **settings) -> pd.DataFrame:
    """Counts of some cases: columns fault, instrument, which, named, studies."""
    found = []
    for case in rows:
        named = count(case, **settings)
        if progress:
            progress(case, named)
        found.append((case.fault, case.instrument, case.which, named, settings.get("studies", STUDIES)))
    return pd.DataFrame(found, columns=["fault", "instrument", "which", "named", "studies"])


def _reversed(instrument: Instrument) -> list[int]:
    return sorted({i for scale in instrument.scales.values() for i in scale.reverse})


def _number(case: Case) -> int:
    """The same number for a case whatever others there are."""
    return int.from_bytes(f"{case.fault} {case.instrument} {case.which}".encode(), "big") % 2**32
