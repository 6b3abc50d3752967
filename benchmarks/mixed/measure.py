"""Time one case in a process of its own, so that its peak memory is its own; prints one line of JSON."""

from __future__ import annotations

import json
import resource
import sys
import time

import numpy as np
from cases import BY_NAME, Case

from bowlby.mixed import MixedModel

GIB = 2**20  # ru_maxrss is in KiB


def peak_gib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / GIB


def clock(work) -> tuple[float, object]:
    start = time.perf_counter()
    answer = work()
    return time.perf_counter() - start, answer


def fit(case: Case, data):
    return MixedModel.from_formula(case.formula, data).fit(case.reml)


def read_once(data) -> float:
    """Seconds to add up every column of the model: the bound below which no engine can go."""

    def add_up():
        for name in data.columns:
            column = data[name]
            (column.cat.codes if column.dtype == "category" else column).to_numpy().sum()

    return min(clock(add_up)[0] for _ in range(3))


def measure(case: Case) -> dict:
    data = case.data()
    out = {
        "name": case.name,
        "rows": len(data),
        "data_gib": float(data.memory_usage().sum() / 2**30),
        "read_seconds": read_once(data),
        "memory_before_gib": peak_gib(),
    }
    if case.work == "fit":
        seconds = []
        for _ in range(case.repeats):
            result = None  # an earlier fit's memory is given back first
            took, result = clock(lambda: fit(case, data))
            seconds.append(took)
        out["seconds"] = min(seconds)
        if case.with_df:
            out["df_seconds"], table = clock(lambda: result.tidy("kenward-roger"))
            out["df"] = dict(zip(table["term"], table["df"], strict=True))
            if "df_se" in table:
                out["df_error"] = float((table["df_se"] / table["df"]).max())
            out["warnings"] = result.warnings
    elif case.work == "kenward-roger":
        seconds = []
        for _ in range(5):
            result = fit(case, data)
            seconds.append(clock(lambda: result.tidy("kenward-roger"))[0])  # noqa: B023
        out["seconds"] = min(seconds)
        out["df"] = dict(zip(result.model.names, result.tidy("kenward-roger")["df"], strict=True))
    else:
        result = fit(case, data)
        n = int(2 * case.refits_per_second)
        outcomes = result.simulate(n, 1)
        runs = [clock(lambda: result.refit_many(outcomes)) for _ in range(3)]
        out["seconds"] = min(s for s, _ in runs)
        out["refits_per_second"] = n / out["seconds"]
        out["converged"] = float(np.mean(runs[0][1].converged))
    out.update(llf=result.llf, converged_fit=result.converged, peak_gib=peak_gib())
    return out


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure(BY_NAME[sys.argv[1]]), default=float) + "\n")
