"""The audit of keys tried on answers as an instrument's norms have them, clean and with one known fault."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bowlby.errors import existing
from bowlby.instruments.audit import audit
from bowlby.instruments.catalogue import load_instrument
from bowlby.instruments.direction_checks import across, directed
from bowlby.instruments.model import Instrument
from bowlby.instruments.published_norms import in_score_units, middle
from bowlby.instruments.scoring import item_name, score

R_BETWEEN, R_OF_TOTAL = 0.35, 0.6
LOADINGS = (0.5, 0.75)
SPREAD = 0.08
OCCASIONS = ("intake", "middle", "termination")
SITES, THERAPISTS = ("north.csv", "south.csv"), "therapists.xlsx"


def answers(instrument: Instrument, seed: int, n: int = 150, wording: float = 0.0) -> pd.DataFrame:
    """Answers of ``n`` patients, one factor a scale.

    Item means lie around the published clinical mean (or the midpoint), an SD is a quarter of the range, loadings give
    the published alpha (or are from .50 to .75), and scales correlate as published, or in the direction of their
    meaning (.60 where they make a total, .35 where not). ``wording`` is the share of the reversed items' common
    variance that they have with each other only, and the other items with each other only.
    """
    random = np.random.default_rng(seed)
    factors = _factors(instrument, random, n)
    found = _filled(instrument, random, factors, _parameters(instrument, random), wording)
    return pd.DataFrame(_head(n) | found)


def study(instrument: Instrument, seed: int, patients: int = 150, therapists: int = 48) -> pd.DataFrame:
    """Answers of patients of two sites with a file each, at three occasions, and of therapists in a workbook.

    Patients' factors at two occasions correlate .60; the sites' means differ by 0.2 SD, and those of therapists from
    patients' by 0.5 SD.
    """
    random = np.random.default_rng(seed)
    parameters, tables = _parameters(instrument, random), []
    stable, second = _factors(instrument, random, patients), np.arange(patients) >= 0.6 * patients
    files = np.where(second, SITES[1], SITES[0])
    for occasion in OCCASIONS:
        own = np.sqrt(0.6) * stable + np.sqrt(0.4) * _factors(instrument, random, patients) + 0.2 * second[:, None]
        form = _filled(instrument, random, own, parameters, 0.0)
        tables.append(pd.DataFrame(_head(patients) | {"occasion": occasion, "source_file": files} | form))
    form = _filled(instrument, random, _factors(instrument, random, therapists) - 0.5, parameters, 0.0)
    head = {"person": [f"t{i}" for i in range(therapists)], "role": "therapist", "occasion": ""}
    tables.append(pd.DataFrame(_head(therapists) | head | {"source_file": THERAPISTS} | form))
    return pd.concat(tables, ignore_index=True)


def _head(n: int) -> dict:
    return {
        "person": [f"p{i}" for i in range(n)],
        "role": "patient",
        "about": "self",
        "occasion": "intake",
        "session": pd.array([pd.NA] * n, dtype="Int64"),
    }


def _factors(instrument: Instrument, random: np.random.Generator, n: int) -> np.ndarray:
    names = list(dict.fromkeys(_home(instrument).values()))
    return random.multivariate_normal(np.zeros(len(names)), _correlations(instrument, names), n, method="eigh")


def _parameters(instrument: Instrument, random: np.random.Generator) -> dict[int, tuple[float, float]]:
    """Loading and mean of each item."""
    low, high = instrument.answers
    return {
        number: (random.uniform(*_loadings(instrument, scale)),
                 _item_mean(instrument, scale) + random.normal(0, 0.08) * (high - low))
        for number, scale in sorted(_home(instrument).items())
    }  # fmt: skip


def _filled(instrument: Instrument, random, factors: np.ndarray, parameters: dict, wording: float) -> dict:
    """Answers by item, reversed items as on the form."""
    home, n = _home(instrument), len(factors)
    names = list(dict.fromkeys(home.values()))
    ways = random.standard_normal((2, n, len(names))) if wording else np.zeros((2, n, len(names)))
    found = {}
    for number, scale in sorted(home.items()):
        (loading, mean), (low, high) = parameters[number], instrument.answers_to(number)
        turned_ = number in instrument.scales[scale].reverse
        k = names.index(scale)
        common = np.sqrt(1 - wording) * factors[:, k] + np.sqrt(wording) * ways[int(turned_), :, k]
        latent = loading * common + np.sqrt(1 - loading**2) * random.standard_normal(n)
        answer = np.clip(np.round(mean + (high - low) / 4 * latent), low, high)
        found[item_name(number)] = low + high - answer if turned_ else answer
    for number in set(range(1, instrument.n_items + 1)) - set(home):
        low, high = instrument.answers_to(number)
        found[item_name(number)] = random.integers(int(low), int(high) + 1, n).astype(float)
    return dict(sorted(found.items()))


def turned(data: pd.DataFrame, instrument: Instrument, items: list[int], where=None) -> pd.DataFrame:
    """Some items the other way round, in all rows or in those where ``where`` is true."""
    low, high = instrument.answers
    rows = np.ones(len(data), dtype=bool) if where is None else np.asarray(where)
    return data.assign(**{c: data[c].mask(rows, low + high - data[c]) for c in map(item_name, items)})


def reversed_items(instrument: Instrument) -> list[int]:
    """All items that the key reverses."""
    return sorted({i for scale in instrument.scales.values() for i in scale.reverse})


def one_form_for_many(data: pd.DataFrame, seed: int, share: float = 0.08) -> pd.DataFrame:
    """The answers of one person for some share of all."""
    random = np.random.default_rng(seed)
    rows = random.choice(len(data), max(2, round(share * len(data))), replace=False)
    found = data.copy()
    found.loc[rows, _items(data)] = data.loc[rows[0], _items(data)].to_numpy(float)
    return found


def missing_as_highest(data: pd.DataFrame, instrument: Instrument, item: int, seed: int, share: float = 0.15):
    """Some share of the answers to one item missing, and stored as the highest answer."""
    gone = np.random.default_rng(seed).random(len(data)) < share
    return data.assign(**{item_name(item): data[item_name(item)].mask(gone, instrument.answers[1])})


def turned_scale(data: pd.DataFrame, instrument: Instrument, scale: str) -> pd.DataFrame:
    """All items of a scale the other way round."""
    return turned(data, instrument, instrument.all_scales()[scale].items)


def fewer_categories(data: pd.DataFrame, instrument: Instrument, categories: int = 5) -> pd.DataFrame:
    """The answers on a form with fewer categories, counted from the same lowest one."""
    low, high = instrument.answers
    columns = _items(data)
    return data.assign(**{c: np.round(low + (data[c] - low) * (categories - 1) / (high - low)) for c in columns})


def shuffled_columns(data: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The item columns in another order."""
    columns = _items(data)
    order = np.random.default_rng(seed).permutation(columns)
    return data.assign(**dict(zip(columns, data[list(order)].to_numpy().T, strict=True)))


def straight_lines(data: pd.DataFrame, instrument: Instrument, seed: int, share: float = 0.05) -> pd.DataFrame:
    """Some forms with the same answer to everything."""
    random = np.random.default_rng(seed)
    found, rows = data.copy(), random.choice(len(data), max(1, round(share * len(data))), replace=False)
    low, high = instrument.answers
    columns = _items(data)
    found.loc[rows, columns] = np.repeat(
        random.integers(int(low), int(high) + 1, (len(rows), 1)), len(columns), 1
    ).astype(float)
    return found


def copied_forms(data: pd.DataFrame, seed: int, copies: int = 2) -> pd.DataFrame:
    """Some persons with the answers of others."""
    random = np.random.default_rng(seed)
    rows = random.choice(len(data), 2 * copies, replace=False)
    found = data.copy()
    found.loc[rows[:copies], _items(data)] = data.loc[rows[copies:], _items(data)].to_numpy()
    return found


def _items(data: pd.DataFrame) -> list[str]:
    return [c for c in data.columns if c[0] == "i" and c[1:].isdigit()]


def _home(instrument: Instrument) -> dict[int, str]:
    """The first scale of each item."""
    return {i: name for name, scale in reversed(instrument.scales.items()) for i in scale.items}


def _item_mean(instrument: Instrument, scale: str) -> float:
    for name in (scale, "total"):
        for norm in instrument.norm_table:
            if norm.scale == name and norm.population == "clinical" and norm.mean is not None:
                mean, _ = in_score_units(instrument, norm)
                return existing(mean) / (
                    len(instrument.all_scales()[name].items) if instrument.how(name) == "sum" else 1
                )
    return sum(instrument.answers) / 2


def _loadings(instrument: Instrument, scale: str) -> tuple[float, float]:
    """Lowest and highest loading of a scale's items; answers in steps lose a little, which is added."""
    k = len(instrument.scales[scale].items)
    for norm in instrument.norm_table:
        if norm.scale == scale and norm.alpha is not None and k > 1:
            alpha = existing(middle(norm.alpha))
            loading = min(np.sqrt(alpha / (k - (k - 1) * alpha)) + 0.04, 0.95 - SPREAD)
            return loading - SPREAD, loading + SPREAD
    return LOADINGS


def _correlations(instrument: Instrument, names: list[str]) -> np.ndarray:
    sign: dict[str | None, int] = {"better": 1, "worse": -1}
    signs = np.array([sign.get(instrument.scales[n].higher, 0) for n in names])
    r = R_OF_TOTAL if instrument.total else R_BETWEEN
    matrix = r * np.outer(signs, signs) + (1 - r * signs**2) * np.eye(len(names))
    for relation in instrument.relations:
        if all(s in names for s in relation.scales):
            i, j = (names.index(s) for s in relation.scales)
            matrix[i, j] = matrix[j, i] = middle(relation.r)
    values, vectors = np.linalg.eigh(matrix)
    return vectors @ np.diag(np.maximum(values, 0.01)) @ vectors.T


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
    "already": lambda data, instrument, which, seed: turned(data, instrument, reversed_items(instrument)),
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


def _number(case: Case) -> int:
    """The same number for a case whatever others there are."""
    return int.from_bytes(f"{case.fault} {case.instrument} {case.which}".encode(), "big") % 2**32
