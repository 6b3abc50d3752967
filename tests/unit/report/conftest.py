"""Small runs as the contracts describe them, for the page to be built from."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bowlby import figures, tables
from bowlby.files import write_csv, write_json, write_parquet, write_text

ISSUE = ["severity", "code", "file", "sheet", "row", "column", "instrument", "what", "action", "n"]
AUDIT = ["instrument", "part", "scale", "item", "check", "observed", "expected", "verdict", "advice"]
ALPHA = ["instrument", "scale", "role", "occasion", "coefficient", "value", "ci_low", "ci_high", "n", "n_items"]


TESTED = {"kind": "two_sided", "of": "P", "estimate": 0.3, "level": 0.95, "ci": [0.2, 0.4], "p": 0.0001}


def effect(estimate: float, se: float = 0.05) -> dict:
    return {
        "estimate": estimate,
        "se": se,
        "df": 40.0,
        "t": estimate / se,
        "p": 0.0001,
        "ci": [estimate - 2 * se, estimate + 2 * se],
        "ci90": [estimate - 1.7 * se, estimate + 1.7 * se],
    }


def claim(verdict: str = "inconclusive", **more) -> dict:
    base = {"verdict": verdict, "fragile": None, "qualified": False, "not_tested": False, "rule": None}
    base |= {"reasons": [], "flags": []}
    base |= {"estimate": None, "ci": [None, None], "df": None, "p": None, "bound": None, "test": None, "parts": {}}
    return base | more


def fit(model: str, terms: list[str], groups: dict) -> dict:
    rows = [
        {"term": t, "estimate": 1.5, "se": 0.5, "df": 30.0, "t": 3.0, "p": 0.004, "ci_low": 0.5, "ci_high": 2.5}
        for t in terms
    ]
    random = [
        {"group": g, "term": "Intercept", "term2": None, "variance_or_cov": 4.0, "sd_or_corr": 2.0} for g in groups
    ]
    names = ("P", "T", "P-T", "P+T") if model == "primary" else ()
    keys = ("estimate", "se", "df", "t", "p")
    contrasts = [
        {"name": n, "weights": {}, **{k: effect(0.3)[k] for k in keys}, "ci_low": 0.2, "ci_high": 0.4} for n in names
    ]
    return {
        "schema": 1,
        "model": model,
        "engine": "bowlby.mixed",
        "reml": True,
        "llf": -100.0,
        "n_obs": 100,
        "n_dropped": {"no outcome": 20, "no rating": 2},
        "groups": groups,
        "fixed": rows,
        "vcov": {"terms": terms, "values": (0.01 * np.eye(len(terms))).tolist()},
        "vcov_adjusted": None,
        "contrasts": contrasts,
        "blocks": [],
        "random": random,
        "scale": 9.0,
        "singular": False,
        "converged": True,
        "df_method": "kenward-roger",
        "warnings": [],
    }


def random_effects(folder, model: str) -> None:
    table = {"group": "therapist", "level": ["T-SECRET-1", "T-SECRET-2"], "term": "Intercept", "value": [0.4, -0.4]}
    write_parquet(folder / f"fits/{model}.random.parquet", pd.DataFrame(table).assign(variance=0.05))


def common(folder, title: str, config: dict, *, synthetic: bool) -> None:
    manifest = {
        "schema": 1,
        "run": "tiny",
        "title": title,
        "synthetic": synthetic,
        "privacy": "shareable",
        "seed": 7,
        "config": config,
        "inputs": {"patients.csv": "0" * 64},
        "versions": {"bowlby": "0.1.0", "python": "3.12.1", "numpy": "2.0", "snakemake": "9.19"},
        "git": {"commit": None, "dirty": None},
    }
    write_json(folder / "manifest.json", manifest)
    steps = [
        {"step": "rows read", "patients": 122, "therapists": 2, "rows": 122, "reason": "all rows of all files"},
        {
            "step": "phq9: intake",
            "patients": 119,
            "therapists": 2,
            "rows": 119,
            "reason": "answered",
            "instrument": "phq9",
            "occasion": "intake",
        },
    ]
    write_json(folder / "people/flow.json", {"steps": steps})
    audit = [
        ("cats", "", "secure", "", "key_confidence", "unverified", "verified", "suspicious", "confirm it"),
        ("cats", "", "secure", 1, "item_rest", "0.51234", "> 0", "ok", ""),
    ]
    write_csv(folder / "keying_audit.csv", pd.DataFrame(audit, columns=AUDIT))
    alpha = [("cats", "secure", "patient", "session_5", "alpha", 0.8343, 0.79, 0.87, 119, 14)]
    write_csv(folder / "reliability.csv", pd.DataFrame(alpha, columns=ALPHA))
    found = [
        ("warning", "out_of_range", "patients.csv", "", r, "q1", "phq9", "outside", "=cmd()", 1) for r in range(250)
    ]
    write_csv(folder / "issues.csv", pd.DataFrame(found, columns=ISSUE))


@pytest.fixture(scope="session")
def once(tmp_path_factory):
    """A run that is drawn and tabulated once; called with what writes it, and the changes to it."""
    drawn: dict[str, Path] = {}

    def make(write, **changes):
        key = f"{write.__name__}{changes}"
        if key not in drawn:
            drawn[key] = tmp_path_factory.mktemp("drawn")
            write(drawn[key], **changes)
            figures.build(drawn[key])
            tables.build(drawn[key])
        return drawn[key]

    return make


def comparison(folder: Path, title: str = "A study", synthetic: bool = False, claims: dict | None = None) -> None:
    """What a comparison leaves before figures and tables."""
    config = {"outcome": {"instrument": "phq9"}, "comparison": {"delta": 0.1, "covariates": ["<b>age</b>"]}}
    common(folder, title, config, synthetic=synthetic)
    terms = ["Intercept", "perceived_within", "therapist_style"]
    write_json(folder / "fits/primary.json", fit("primary", terms, {"therapist": 2}))
    random_effects(folder, "primary")
    effects = {"P": effect(0.3), "T": effect(-0.01), "P-T": effect(0.31), "P+T": effect(0.29)}
    more = {"delta": 0.1, "standardiser": "sample", "reference": {}, "n_obs": 100, "n_therapists": 2}
    write_json(folder / "comparison.json", {**effects, **more, "therapist_icc": 0.31, "sentence": "S."})
    made = {
        "C1": claim("supported", qualified=True, reasons=["same_rater"], estimate=0.3, test=TESTED),
        "C2": claim(
            "refuted",
            rule={"code": "one_below_0", "of": "P+T"},
            test=TESTED | {"kind": "one_sided_of_two", "of": "P+T"},
        ),
        "C3": claim(),
        "C4": claim(not_tested=True, rule={"code": "no_patient_style"}),
        "C5": claim(not_tested=True, rule={"code": "no_patient_style"}),
    }
    record = {"schema": 1, "run": "tiny", "flags": ["few_therapists"]}
    write_json(
        folder / "verdict.json",
        {
            **record,
            "claims": made | (claims or {}),
            "sentence": "A <i>finding</i>.",
            "finding": "a <i>finding</i>.",
            "grounds": "G.",
        },
    )


@pytest.fixture
def comparison_run(tmp_path, once):
    """A folder with a comparison, drawn and tabulated; called with the changes that a test wants."""

    def make(**changes):
        folder = tmp_path / "comparison"
        shutil.rmtree(folder, ignore_errors=True)
        return shutil.copytree(once(comparison, **changes), folder)

    return make


def growth(folder: Path) -> None:
    """What a growth model leaves before figures and tables."""
    common(folder, "A trial", {"outcome": {"instrument": "phq9"}, "growth": {"reml": True}}, synthetic=False)
    write_csv(folder / "reliability.csv", pd.DataFrame(columns=ALPHA))
    write_text(folder / "study.yaml", "time_unit: months\n")
    write_json(folder / "fits/growth.json", fit("growth", ["Intercept", "time"], {"patient": 40, "therapist": 2}))
    random_effects(folder, "growth")
    times = pd.DataFrame([(f"P{i}", "T", t, i - t) for i in range(40) for t in (0.0, 1.0)])
    write_parquet(folder / "analysis/growth.parquet", times.set_axis(["patient", "therapist", "time", "y"], axis=1))


@pytest.fixture
def growth_run(tmp_path, once):
    """A folder with a growth model only, drawn and tabulated."""
    return shutil.copytree(once(growth), tmp_path / "growth")
