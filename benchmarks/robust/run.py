"""Time every kind of robustness on the example, and lme4's bootstrap beside it.

    python benchmarks/robust/run.py [--boot 50]        writes benchmarks/robust/results.md

Results of the example must be there (`make results`). Everything is timed in one run on the same machine: work in two
processes with one thread each, as two jobs of the workflow, and its processor time, which other work on the machine
does not change much.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import shutil
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "results/example"
CORES = 2
KINDS = {
    "m1": ("parametric bootstrap of M1: new outcomes, refits", 2000, 5),
    "parametric": ("parametric bootstrap as in a run: M1 and the model of C4, Kenward-Roger", 2000, None),
    "permutation": ("permutations of style, Kenward-Roger", 10000, 10),
    "cluster": ("bootstrap over therapists, Kenward-Roger", 2000, None),
    "wild": ("wild cluster bootstrap", 2000, None),
    "left_out": ("therapists left out in turn, claims C1 to C4 (those who share no patient)", 48, 1),
    "influence": ("therapists left out in turn, all claims and distances", 48, None),
    "assumptions": ("studies simulated to judge residuals by", 200, None),
    "multiverse": ("specifications of the multiverse", 512, 60),
    "imputation": ("imputations of 500 iterations, pooled", 50, 60),
}
_READY: dict = {}


def ready(count: dict[str, int]) -> None:
    """Read the example once in every process, and fit once so that imports are not timed."""
    from bowlby.config import load
    from bowlby.config.robustness import Imputation
    from bowlby.robustness.refit_claims import fit_c4, fit_m1
    from bowlby.robustness.stage import read_basis, read_universe

    loaded = load(ROOT / "config/config.yaml")
    doubts = loaded.run.robustness
    replicates = doubts.replicates.model_copy(update=count)
    usual = {"replicates": replicates, "imputation": Imputation()}
    run = loaded.run.model_copy(update={"robustness": doubts.model_copy(update=usual)})
    _READY["basis"] = read_basis(run, RESULTS)
    _READY["universe"] = read_universe(loaded, RESULTS)
    _READY["universe"].run = run
    fit_m1(_READY["basis"].primary), fit_c4(_READY["basis"].perceived)


def work(kind: str, first: int, last: int) -> tuple[float, int]:
    """Processor seconds of some replicates, and how many failed."""
    from bowlby.robustness.stage import _maker, _whole

    began = time.process_time()
    if kind == "m1":
        return _bootstrap(first, last, began)
    if kind == "left_out":
        from bowlby.robustness.leave_one_therapist_out import _batched_refits

        left = len(_batched_refits(_READY["basis"]))
        return time.process_time() - began, (0 if left else 48)
    if kind == "influence":
        table = _whole(_READY["basis"], kind)
    elif kind == "multiverse":
        from bowlby.robustness.multiverse import multiverse

        table = multiverse(_READY["universe"], first, last)
    elif kind == "imputation":
        from bowlby.robustness.imputation import imputation, incomplete

        table = imputation(incomplete(_READY["universe"]), first, last)
    else:
        table = _maker(kind, _READY["basis"])(first, last)
    return time.process_time() - began, int((table["status"] == "failed").sum())


def _bootstrap(first: int, last: int, began: float) -> tuple[float, int]:
    """What ``lme4::bootMer`` does: outcomes drawn from M1, and M1 refitted to each."""
    import numpy as np

    from bowlby.robustness.refit_claims import fit_m1

    m1 = fit_m1(_READY["basis"].primary)
    found = m1.refit_many(np.vstack([m1.simulate(1, (1, number)) for number in range(first, last)]))
    return time.process_time() - began, int((~found.converged).sum())


def timed(pool: ProcessPoolExecutor, kind: str, count: int) -> tuple[float, float, int]:
    """Seconds on two cores, processor seconds in all, failures."""
    cores = 1 if kind in ("influence", "left_out") else CORES
    shares = [(k * count // cores, (k + 1) * count // cores) for k in range(cores)]
    began = time.perf_counter()
    found = [job.result() for job in [pool.submit(work, kind, *share) for share in shares]]
    return time.perf_counter() - began, sum(f[0] for f in found), sum(f[1] for f in found)


def boot(replicates: int) -> tuple[float, float]:
    """Seconds a replicate of lme4::bootMer: elapsed, and processor."""
    ran = subprocess.run(
        ["Rscript", str(Path(__file__).with_name("boot.R")), str(RESULTS / "analysis/primary.csv"), str(replicates)],
        capture_output=True, text=True, check=True)  # fmt: skip
    elapsed, own, _ = ran.stdout.split()
    return float(elapsed) / replicates, float(own) / replicates


def machine() -> str:
    model = next((line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), platform.processor())  # fmt: skip
    return f"{model}, {os.cpu_count()} cores, Python {platform.python_version()}"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--boot", type=int, default=50)
    replicates = parser.parse_args().boot
    if not (RESULTS / "verdict.json").is_file():
        sys.exit("error: no results of the example; run `make results` first")
    count = {kind: n for kind, (_, n, _) in KINDS.items() if kind not in ("influence", "left_out", "m1")}
    load_before = os.getloadavg()[0]
    lines, processor = [], {}
    with ProcessPoolExecutor(CORES, initializer=ready, initargs=(count,)) as pool:
        list(pool.map(work, ["wild"] * CORES, [0] * CORES, [2] * CORES))  # start both before the clock
        for kind, (what, n, goal) in KINDS.items():
            wall, own, failed = timed(pool, kind, n)
            processor[kind] = own / n
            lines.append(f"| {n:,} {what} | {wall:.1f} | {own:.1f} | {own / n * 1000:.2f} | {goal or ''} | {failed} |")
            print(lines[-1], flush=True)
    text = [
        "# Robustness on the example",
        "",
        "505 patients of 48 therapists; two patients change therapist. Two processes of one thread each (leaving "
        "therapists out: one). *seconds* is by the clock; *processor* is what both processes used, which a busy "
        "machine changes little. Made by `python benchmarks/robust/run.py`.",
        "",
        f"Machine: {machine()}. Load before: {load_before:.1f}.",
        "",
        "| work | seconds | processor | ms each | goal (s) | failed |",
        "|---|---|---|---|---|---|",
        *lines,
        "",
    ]
    if shutil.which("Rscript"):
        elapsed, own = boot(replicates)
        alone, whole = own / processor["m1"], own / processor["parametric"]
        text += [
            f"`lme4::bootMer` of M1, {replicates} replicates in the same run: {own * 1000:.1f} ms of processor each "
            f"({elapsed * 1000:.1f} ms by the clock), so 2,000 take {own * 2000:.0f} s on its one core. The same work "
            f"costs bowlby **{alone:.0f} times** less processor time ({whole:.0f} times less with the model of C4 and "
            "Kenward-Roger in it), and runs on as many cores as there are.",
            "",
        ]
        print(text[-2])
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    text += [f"Largest memory of a process: {peak:.0f} MiB.", ""]
    (Path(__file__).parent / "results.md").write_text("\n".join(text), encoding="utf-8")


if __name__ == "__main__":
    main()
