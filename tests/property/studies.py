"""Studies and runs that are drawn, their files, and all stages of a run in this process."""

from importlib import import_module

import numpy as np
import pandas as pd
import yaml
from hypothesis import strategies as st

from bowlby import figures, stages, tables
from bowlby.manifest import write_manifest
from bowlby.plan import plan
from bowlby.robustness.stage import Sources, compute_shard, gather_shards
from bowlby.run_marker import claim

OCCASIONS = [("pre", 0), ("early", 3), ("mid", 6), ("post", 12)]
ITEMS = {"phq9": (9, 0, 3), "cats": (36, 1, 6), "wai_sr": (12, 1, 5), "ecr_s": (12, 1, 7)}
KINDS = ["parametric", "cluster", "permutation", "influence", "sandwich", "wild", "assumptions", "multiverse",
         "multiverse_null", "imputation", "tipping"]  # fmt: skip
FEW = {"parametric": 3, "cluster": 12, "permutation": 3, "wild": 3, "assumptions": 20, "multiverse": 4,
       "multiverse_null": 2, "imputation": 2}  # fmt: skip
SOME = st.integers(0, 3).map(lambda n: n == 0)  # true for one in four


@st.composite
def designs(draw):
    """How a study is made: size and what is awkward about it."""
    return {
        "seed": draw(st.integers(0, 2**31)),
        "caseloads": draw(st.lists(st.sampled_from([1, 1, 2, 3, 5, 8]), min_size=4, max_size=16)),
        "switching": draw(st.sampled_from([0, 0, 2, 8])),
        "absent": draw(st.sampled_from([0.0, 0.05, 0.3])),
        "no_style": draw(st.integers(0, 3)),
        "flat": draw(st.integers(0, 11)) == 0,
        "sites": draw(SOME),
    }


@st.composite
def runs(draw):
    """A run's file."""
    asked = draw(st.sampled_from(["comparison", "comparison", "comparison", "pair", "growth", "all"]))
    run = {"run": "drawn", "study": "study.yaml", "seed": 3, "outcome": {"instrument": "phq9", "pre": "pre"}}
    run["outcome"]["post"] = "post"
    run["privacy"] = draw(st.sampled_from(["shareable", "internal"]))
    described = st.lists(st.sampled_from(["age", "arm", "rare", "same", "number"]), max_size=2, unique=True)
    if asked in ("comparison", "all"):
        run["comparison"] = compared = {
            "perceived": {"instrument": "cats", "about": "therapist", "occasion": "mid",
                          "weights": draw(weights("secure", "avoidant_fearful", "preoccupied_merger"))},
            "therapist_style": {"instrument": "ecr_s", "weights": draw(weights("anxiety", "avoidance"))},
            "covariates": draw(described),
            "switching": draw(st.sampled_from(["share", "first", "last", "equal"])),
            "delta": draw(st.sampled_from([0.1, 0.5])),
        }  # fmt: skip
        if draw(st.booleans()):
            compared["patient_style"] = {"instrument": "ecr_s", "occasion": "pre",
                                         "weights": draw(weights("anxiety", "avoidance"))}  # fmt: skip
        if draw(SOME):
            compared["alliance"] = {"instrument": "wai_sr", "about": "therapist", "occasion": "mid",
                                    "weights": {"total": 1}, "subscales": ["goal", "bond"]}  # fmt: skip
        if draw(SOME):
            compared["unit"] = "family"
        if draw(SOME):
            run["outcome"]["early"] = "early"
        if draw(SOME):
            run["other_outcomes"] = [{"instrument": "gad7", "pre": "pre", "post": "post"}]
        if kinds := draw(st.lists(st.sampled_from(KINDS), max_size=4, unique=True)):
            run["robustness"] = {
                "kinds": kinds, "replicates": FEW, "imputation": {"iterations": 20, "deltas": [0.0, 0.3]},
                "strata": draw(st.sampled_from([[], ["arm"], ["rare"]])),
                "multiverse": {"more_covariates": draw(described)},
                "shards": draw(st.sampled_from([None, 2])),
            }  # fmt: skip
    if asked in ("pair", "all"):
        run["pair"] = {
            "first": {"label": "security", "instrument": "cats", "about": "therapist", "occasion": "mid",
                      "weights": {"secure": 1}},
            "second": draw(st.sampled_from([
                {"label": "own style", "instrument": "ecr_s", "occasion": "pre", "weights": {"anxiety": -1}},
                {"label": "their style", "instrument": "ecr_s", "role": "therapist", "weights": {"avoidance": -1}},
            ])),
            "covariates": draw(described),
        }  # fmt: skip
        if draw(SOME):
            del run["outcome"]["pre"]
    if asked in ("growth", "all"):
        run["growth"] = {}
    return run


@st.composite
def weights(draw, *scales):
    kept = draw(st.lists(st.sampled_from(scales), min_size=1, unique=True))
    return {scale: draw(st.sampled_from([-1, 1, 0.5])) for scale in kept}


def write(folder, design, run):
    """The files of a drawn study; the run's file."""
    rng = np.random.default_rng(design["seed"])
    therapists = [f"T{j:02}" for j in range(len(design["caseloads"]))]
    treated = np.repeat(therapists, design["caseloads"])
    patients = [f"P{i:03}" for i in range(len(treated))]
    n, own = len(patients), dict(zip(therapists, rng.normal(size=len(therapists)), strict=True))
    latent = rng.normal(size=n) + np.array([own[t] for t in treated]) / 2
    rows = []
    for when, _ in OCCASIONS:
        row = {"id": patients, "th": treated, "t": [when] * n}
        for name, (k, low, high) in ITEMS.items():
            if (name == "phq9") == (when in ("pre", "early", "post")) or (name == "ecr_s" and when == "pre"):
                values = (low + high) / 2 + (high - low) / 4 * (latent[:, None] + rng.normal(size=(n, k)))
                answers = np.clip(np.rint(values), low, high).astype(object)
                answers[rng.random((n, k)) < design["absent"] / 5] = ""
                answers[rng.random(n) < design["absent"]] = ""
                row |= {f"{name}_{i}": answers[:, i - 1] for i in range(1, k + 1)}
        row["gad"] = rng.integers(0, 22, n) if when in ("pre", "post") else ""
        rows.append(pd.DataFrame(row))
    table = pd.concat(rows).fillna("")
    later = rng.choice(patients, min(design["switching"], n), replace=False)
    moved = table["id"].isin(later) & table["t"].eq("post")
    table.loc[moved, "th"] = rng.choice(therapists, int(moved.sum()))
    table.to_csv(folder / "a.csv", index=False)
    people = pd.DataFrame({
        "id": patients, "age": rng.integers(18, 80, n), "arm": rng.choice(["a", "b"], n),
        "rare": np.where(treated == therapists[0], *design.get("rare", "xy")), "same": 1,
        "number": [""] * 2 + ["7"] * (n - 2),
        "family": [f"F{i // 2}" if i % 3 else "" for i in range(n)], "clinic": rng.choice(["north", "south"], n),
    })  # fmt: skip
    people.to_csv(folder / "d.csv", index=False)
    style = rng.integers(1, 8, (len(therapists), 12))
    if design["flat"]:
        style[:] = 4
    answered = therapists[design["no_style"] :]
    pd.DataFrame(style[design["no_style"]:], columns=[f"ecr_s_{i}" for i in range(1, 13)]).assign(
        th=answered, clinic="north").to_csv(folder / "b.csv", index=False)  # fmt: skip
    described = {"age": "age", **{c: {"column": c, "kind": "category"} for c in ("arm", "rare", "family")},
                 "same": "same", "number": "number"}  # fmt: skip
    study = {
        "name": "drawn", "occasions": [{"id": o, "time": time} for o, time in OCCASIONS],
        "files": [
            {"path": "a.csv", "who": {"person": "id", "therapist": "th"}, "when": {"column": "t"}, "measures": [
                *({"instrument": name, "items": f"{name}_{{n}}", "about": about(name)} for name in ITEMS),
                {"instrument": "gad7", "scored": {"total": "gad"}}]},
            {"path": "b.csv", "who": {"person": "th", "role": "therapist"},
             "measures": [{"instrument": "ecr_s", "items": "ecr_s_{n}"}]},
            {"path": "d.csv", "who": {"person": "id"}, "covariates": described},
        ],
    }  # fmt: skip
    if design["sites"]:
        study["files"][2]["who"]["site_name"] = study["files"][0]["who"]["site_name"] = "clinic"
        study["files"][1]["who"]["site_name"] = "clinic"
    (folder / "study.yaml").write_text(yaml.safe_dump(study))
    (folder / "run.yaml").write_text(yaml.safe_dump(run))
    return folder / "run.yaml"


def about(name):
    return "therapist" if name in ("cats", "wai_sr") else "self"


def run_stages(config, shown=("figures", "tables", "report")):
    """All stages of a run in this process, as the workflow's rules have them; the results' folder."""
    run = plan(config)
    loaded, folder = run.loaded, run.folder
    claim(folder, run.digest)
    stages.ingest(loaded, folder)
    stages.score(loaded, folder, run.instruments)
    for name in run.sets:
        stages.design(loaded, folder, name, run.instruments)
    for name in run.sets:
        stages.fit(loaded, folder, name)
    write_manifest(run)
    if loaded.run.comparison:
        stages.estimate(loaded, folder)
        sources = Sources(loaded, folder)
        for kind, work in run.robustness.items():
            parts = [folder / f"robustness/shards/{kind}/{k}.parquet" for k in range(work.shards)]
            for k, part in enumerate(parts):
                compute_shard(sources, work, part, k)
            whole = folder / f"robustness/{kind}.parquet"
            gather_shards(loaded, folder, work, parts, whole) if len(parts) > 1 else parts[0].rename(whole)
        stages.compare(loaded, folder)
        if loaded.run.other_outcomes:
            stages.judge_domains(loaded, folder)
    if loaded.run.pair:
        stages.compare_pair(loaded, folder)
    for part in shown:
        import_module(f"bowlby.{part}").build(folder)
    return folder


def left_out(folder, run):
    """Files that a run must write and did not."""
    wanted = [*figures.outputs(run), *tables.outputs(run), "report.html", "methods.md"]
    return [name for name in wanted if not (folder / name).is_file()]


def study_of(folder, design, run):
    """A drawn study's run file, from a folder of its own, which is where its results go."""
    folder.mkdir(parents=True)
    return write(folder, design, run)
