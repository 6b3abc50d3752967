"""reproduce.R and reproduce.py give the numbers of bowlby: switching therapists, slopes, units, growth, boundaries."""

import re
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from bowlby.files import write_csv, write_json
from bowlby.fit.growth import fit_growth
from bowlby.fit.models import fit_set
from bowlby.reproduction.scripts import formula, write_scripts

PACKAGES = "c('lme4', 'lmerTest', 'pbkrtest')"
R = ["Rscript", "-e", f"quit(status = any(!nzchar(sapply({PACKAGES}, function(p) system.file(package = p)))))"]
ENGINES = ["python", "R"]
SLOW_R = ["python", pytest.param("R", marks=pytest.mark.slow)]


def ran(folder, engine) -> tuple[int, str]:
    """Exit status and output of a script in a folder that is not its own."""
    if engine == "R" and (not shutil.which("Rscript") or subprocess.run(R, capture_output=True).returncode):
        pytest.skip("no R with lme4, lmerTest and pbkrtest")
    words = [sys.executable, "-I", "reproduce.py"] if engine == "python" else ["Rscript", "reproduce.R"]
    words[-1] = str(folder / words[-1])
    done = subprocess.run(words, capture_output=True, text=True, cwd=folder.parent)
    return done.returncode, done.stdout + done.stderr


def agreeing(output: str) -> tuple[int, int]:
    return tuple(map(int, re.search(r"(\d+) of (\d+) numbers agree", output).groups()))


def stored(folder, name, data, membership, fits):
    for model, fitted in fits.items():
        write_json(folder / f"fits/{model}.json", fitted.record)
    write_csv(folder / f"analysis/{name}.csv", data)
    write_csv(folder / f"analysis/{name}.membership.csv", membership)
    write_scripts(folder, list(fits), 'A "study"\nof two lines')
    return folder


def test_a_script_without_its_packages_says_what_to_install(pair):
    done = subprocess.run([sys.executable, "-I", "-S", str(pair / "reproduce.py")], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr == "numpy is not installed: python -m pip install numpy scipy pandas\n"


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """240 patients, 30 of whom switch, some to a therapist who only took over; groups of four in some; a slope."""
    rng = np.random.default_rng(3)
    n, codes = 240, np.repeat(np.arange(24), 10)
    first, second = rng.normal(size=(2, n))
    y = 0.5 * first + (0.4 * rng.normal(size=24))[codes] * first + rng.normal(size=24)[codes] + rng.normal(size=n)
    unit = np.where(codes < 12, "g" + pd.Series(np.arange(n) // 5).astype(str), None)
    patient, therapist = [f"{k:04}" for k in range(n)], [f"{k:02}" for k in codes]
    data = pd.DataFrame(
        {
            "patient": patient,
            "therapist": therapist,
            "y": y + rng.normal(size=48).repeat(5),
            "first": first,
            "second": second,
            "age of patient_within": rng.normal(size=n),
            "age of patient_between": rng.normal(size=24)[codes],
            "unit": unit,
            "in_unit": 1.0 * (codes < 12),
        }
    )
    membership = data[["patient", "therapist"]].assign(weight=1.0)
    membership.loc[::8, "weight"] = 0.4
    more = membership.loc[::8].assign(weight=0.6, therapist=["99", "98", "01"] * 10)
    membership = pd.concat([membership, more]).sample(frac=1, random_state=1)
    one = {"scales": ["x"]}
    design = {"roles": {"first": "patient", "second": "therapist"}, "covariates": ["age of patient"], "n_dropped": {},
              "sd_outcome": 2.0, "scaling": {"first": one, "second": one},
              "sd_error": {side: {"variance": 0.002, "df": 200} for side in ("y", "first", "second")}}  # fmt: skip
    fits = fit_set("pair", data.assign(first_x=first, second_x=second), membership, design)
    assert fits["pair"].record["contrasts"][0]["se"] > 1.01 * fits["pair"].record["contrasts"][0]["se_known_sd"]
    return stored(tmp_path_factory.mktemp("run") / "pair", "pair", data, membership, {"pair": fits["pair"]})


def growth(folder, reml, spread):
    """80 patients of 12 therapists at five times; patients' slopes go with intercepts; SD of therapists' slopes."""
    rng = np.random.default_rng(8)
    patient, time = np.repeat(np.arange(80), 5), np.tile(np.arange(5.0), 80)
    (a, b), (c, d) = rng.normal(size=(2, 80)), rng.normal(size=(2, 12))
    slope = (0.5 * a + 0.3 * b)[patient] + spread * d[patient % 12]
    y = a[patient] + slope * time + c[patient % 12] + rng.normal(size=400)
    names = {"patient": [f"P{k}" for k in patient], "therapist": [f"T{k % 12}" for k in patient]}
    data = pd.DataFrame({**names, "y": y, "time": time, "age": rng.normal(size=80)[patient]})
    random = [{"group": "patient", "terms": ["1", "time"], "correlated": True},
              {"group": "therapist", "terms": ["1", "time"], "correlated": False}]  # fmt: skip
    design = {"covariates": ["age"], "fixed": ["time", "age"], "random": random, "residual": None, "shape": None,
              "predictors": [], "n_dropped": {}, "left_out": []}  # fmt: skip
    fits = fit_growth(data, design, reml)
    return stored(folder, "growth", data, pd.DataFrame(columns=["patient", "therapist", "weight"]), fits)


@pytest.mark.parametrize("engine", ENGINES)
def test_pair_with_switching_units_and_names_of_several_words(pair, engine):
    status, output = ran(pair, engine)
    assert status == 0 and agreeing(output) == (32, 32), output


@pytest.mark.parametrize(("engine", "reml", "spread", "numbers"), [
    ("python", True, 0.0, 15), ("R", True, 0.0, 15), ("python", False, 0.5, 12),
    pytest.param("R", False, 0.5, 15, marks=pytest.mark.slow),
    pytest.param("R", False, 0.0, 12, marks=pytest.mark.slow),
])  # fmt: skip
def test_growth(tmp_path, engine, reml, spread, numbers):
    """Kenward-Roger in both; of ML fits R has Satterthwaite's df off the boundary, the Python script none."""
    status, output = ran(growth(tmp_path / "growth", reml, spread), engine)
    assert status == 0 and agreeing(output) == (numbers, numbers), output


@pytest.mark.parametrize("engine", SLOW_R)
def test_a_number_that_is_not_the_model_s_is_found(pair, tmp_path, engine):
    shutil.copytree(pair, tmp_path / "pair")
    for path in (tmp_path / "pair").glob("reproduce.*"):
        line = re.search(r"pair,effect,second,second=1,(.*?),", path.read_text("utf-8"))[0]
        wrong = line.replace(line.split(",")[-2], repr(float(line.split(",")[-2]) + 0.01))
        path.write_text(path.read_text("utf-8").replace(line, wrong), "utf-8")
    status, output = ran(tmp_path / "pair", engine)
    assert status == 3 and agreeing(output) == (31, 32) and output.count("DIFFERS") == 1


@pytest.mark.parametrize("engine", SLOW_R)
def test_without_patients_data_the_script_says_so(pair, tmp_path, engine):
    for path in pair.glob("reproduce.*"):
        shutil.copy(path, tmp_path)
    status, output = ran(tmp_path, engine)
    assert status == 4 and "only who has these can fit the models" in output and "Traceback" not in output


def test_a_model_that_is_too_large_is_named_as_not_compared(pair, tmp_path):
    shutil.copytree(pair, tmp_path / "pair")
    script = tmp_path / "pair/reproduce.py"
    script.write_text(re.sub(r"LARGEST = \d+", "LARGEST = 4", script.read_text("utf-8")), "utf-8")
    status, output = ran(tmp_path / "pair", "python")
    assert status == 4 and "0 of 0 numbers agree; not compared: pair" in output


def test_formula_of_correlated_slopes_without_intercept():
    assert formula(["Intercept"], [("patient", ["time", "x"], True)]) == "y ~ 1 + (0 + time + x | patient)"
