"""Time the mixed-model engine and lme4 on the same data, one core each.

    python benchmarks/mixed/run.py [--only NAME ...] [--full] [--no-r] [--scaling]

Writes results.csv and results.md beside this file, and with --scaling also scaling.csv and scaling.png. Rows of cases
left out keep their earlier numbers. lme4's long cases (marked "full" in cases.py) run with --full only.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from cases import BY_NAME, CASES, INSTEVAL, Case  # noqa: E402

ONE_CORE = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
COLUMNS = [
    "name",
    "rows",
    "seconds",
    "df_seconds",
    "refits_per_second",
    "llf",
    "peak_gib",
    "data_gib",
    "read_seconds",
    "lme4_seconds",
    "lme4_refits_per_second",
    "lme4_llf",
    "lme4_peak_gib",
    "ratio",
    "load",
    "date",
    "note",
]


def run_json(command: list[str]) -> dict:
    done = subprocess.run(command, env={**os.environ, **ONE_CORE}, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{Path(command[1]).name}: {done.stderr.strip().splitlines()[-1]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def lme4(case: Case, data: pd.DataFrame) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "data.csv"
        data.to_csv(path, index=False)
        return run_json(
            [
                "Rscript",
                str(HERE / "lme4.R"),
                str(path),
                case.formula,
                str(case.reml).upper(),
                case.work,
                str(case.repeats),
            ]
        )


def compare(case: Case, full: bool, with_r: bool) -> dict:
    """One row of results.csv."""
    row = {"name": case.name, "load": round(os.getloadavg()[0], 1), "date": f"{datetime.date.today()}", "note": ""}
    ours = run_json([sys.executable, str(HERE / "measure.py"), case.name])
    row.update({key: ours[key] for key in COLUMNS if key in ours})
    notes = [f"df {term} {df:.1f}" for term, df in ours.get("df", {}).items() if case.with_df]
    if "df_error" in ours:
        notes.append(f"largest relative standard error of a df {ours['df_error']:.1e}")
    notes += ours.get("warnings", [])
    if ours.get("converged", 1.0) < 1.0:
        notes.append(f"{1 - ours['converged']:.2%} of the refits did not converge")
    if not ours["converged_fit"]:
        notes.append("not converged")
    if case.lme4 == "yes" or (case.lme4 == "full" and full):
        if with_r:
            theirs = lme4(case, case.data())
            row.update(
                lme4_seconds=theirs["seconds"],
                lme4_llf=theirs["logLik"],
                lme4_peak_gib=theirs["peak_gib"],
                lme4_refits_per_second=theirs.get("refits_per_second"),
            )
            row["ratio"] = (
                ours["refits_per_second"] / theirs["refits_per_second"]
                if case.work == "refits"
                else theirs["seconds"] / ours["seconds"]
            )
            if "df" in theirs:
                worst = max(abs(a / b - 1) for a, b in zip(ours["df"].values(), theirs["df"].values(), strict=True))
                notes.append(f"largest relative difference of df {worst:.1e}")
    else:
        notes.append("lme4 not run" + (" (--full runs it)" if case.lme4 == "full" else ""))
    row["note"] = "; ".join(notes)
    return row


def verdict(case: Case, row) -> str:
    """Whether each goal is met, as far as it was measured."""
    parts = []
    if case.goal:
        parts.append((f">= {case.goal:g}x", None if pd.isna(row["ratio"]) else row["ratio"] >= case.goal))
    if case.refits_per_second:
        parts.append((f">= {case.refits_per_second:g} refits/s", row["refits_per_second"] >= case.refits_per_second))
    if case.seconds:
        parts.append((f"< {case.seconds:g} s", row["seconds"] + row["df_seconds"] < case.seconds))
    if case.gib:
        parts.append((f"< {case.gib:g} GiB", row["peak_gib"] < case.gib))
    words = {True: "met", False: "**missed**", None: "not measured"}
    return ", ".join(f"{goal} {words[None if met is None else bool(met)]}" for goal, met in parts)


def time_of(row, seconds: str, rate: str) -> str:
    if not pd.isna(row[rate]):
        return f"{row[rate]:,.0f} refits/s"
    return "" if pd.isna(row[seconds]) else f"{row[seconds]:.3g} s"


def machine() -> list[str]:
    import numpy
    import scipy

    model = next(
        (
            line.split(":")[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    lines = [
        f"- {model}, {os.cpu_count()} cores, {memory:.0f} GiB; each engine on one core (OMP_NUM_THREADS=1)",
        f"- Python {platform.python_version()}, NumPy {numpy.__version__}, SciPy {scipy.__version__}, "
        f"pandas {pd.__version__}",
    ]
    if shutil.which("Rscript"):
        code = (
            "cat(paste0('R ', R.version$major, '.', R.version$minor, ', lme4 ', packageVersion('lme4'), "
            "', pbkrtest ', packageVersion('pbkrtest'), ', ', extSoftVersion()[['BLAS']]))"
        )
        told = subprocess.run(["Rscript", "-e", code], capture_output=True, text=True, check=False).stdout.split(", ")
        lines.append("- " + ", ".join(told[:3]) + f", BLAS {Path(told[3]).name}" if len(told) == 4 else "")
    return lines


def write_results(table: pd.DataFrame) -> None:
    table.to_csv(HERE / "results.csv", index=False)
    lines = [
        "# Speed of the mixed-model engine",
        "",
        *machine(),
        "- Time is from a data frame in memory to the fitted model, the best of the same number of single runs of "
        "both; ids are categoricals here and factors there. lme4 has its defaults. Peak memory is that of the "
        "process, data included.",
        "- `load` is the machine's one-minute load when the case began: above 1, others were at work on it.",
        "",
        "| work | rows | lme4 | bowlby | ratio | goal | peak GiB (lme4) | times the reading of the data | load |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for case in CASES:
        what = case.what.replace("|", "\\|")
        found = table[table["name"] == case.name]
        if found.empty:
            lines.append(f"| {what} | | | not run | | | | | |")
            continue
        row = found.iloc[0]
        ours = time_of(row, "seconds", "refits_per_second")
        if not pd.isna(row["df_seconds"]):
            ours += f" + {row['df_seconds']:.3g} s for df"
        ratio = "" if pd.isna(row["ratio"]) else f"{row['ratio']:,.{0 if row['ratio'] >= 10 else 1}f}x"
        peak = f"{row['peak_gib']:.2f}" + ("" if pd.isna(row["lme4_peak_gib"]) else f" ({row['lme4_peak_gib']:.2f})")
        bound = f"{row['seconds'] / row['read_seconds']:,.0f}" if case.work == "fit" else ""
        lines.append(
            f"| {what} | {row['rows']:,.0f} | {time_of(row, 'lme4_seconds', 'lme4_refits_per_second')} | "
            f"{ours} | {ratio} | {verdict(case, row)} | {peak} | {bound} | {row['load']:.1f} |"
        )
    lines += ["", "## Log-likelihoods and notes", "", "| case | bowlby | lme4 | note |", "|---|---|---|---|"]
    for row in table.itertuples():
        theirs = "" if pd.isna(row.lme4_llf) else f"{row.lme4_llf:.6f}"
        lines.append(f"| {row.name} | {row.llf:.6f} | {theirs} | {'' if pd.isna(row.note) else row.note} |")
    lines += ["", "Reading the data is adding up every column of the model once.", ""]
    if (HERE / "scaling.png").exists():
        said = "Numbers at the ends of lines are slopes over the three largest sizes (1: proportional)."
        lines += [said, "", "![Time and memory against rows, patients and therapists](scaling.png)", ""]
    (HERE / "results.md").write_text("\n".join(lines), encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=list(BY_NAME), help="these cases")
    parser.add_argument("--full", action="store_true", help="lme4's long cases too (hours)")
    parser.add_argument("--no-r", action="store_true", help="leave lme4 out")
    parser.add_argument("--scaling", action="store_true", help="also draw time and memory against size")
    parser.add_argument("--report", action="store_true", help="only write results.md from results.csv")
    choice = parser.parse_args()
    stored = HERE / "results.csv"
    table = pd.read_csv(stored) if stored.exists() else pd.DataFrame(columns=COLUMNS)
    with_r = not choice.no_r and shutil.which("Rscript") is not None
    for case in [] if choice.report else CASES:
        if choice.only and case.name not in choice.only:
            continue
        if case.name == "insteval" and not INSTEVAL.exists():
            print("insteval: left out, its data are not here")
            continue
        row = compare(case, choice.full, with_r)
        fresh = pd.DataFrame([row]).reindex(columns=COLUMNS)
        kept = table[table["name"] != case.name]
        table = fresh if kept.empty else pd.concat([kept, fresh], ignore_index=True)
        table = table.sort_values("name", key=lambda s: s.map(list(BY_NAME).index), ignore_index=True)
        table = table.astype({c: float for c in COLUMNS if c not in ("name", "date", "note")})
        line = table[table["name"] == case.name].iloc[0]
        print(
            f"{case.name}: {time_of(line, 'seconds', 'refits_per_second')}, "
            f"lme4 {time_of(line, 'lme4_seconds', 'lme4_refits_per_second') or 'not run'}, "
            f"ratio {line['ratio']:.1f}, {line['peak_gib']:.2f} GiB; {line['note']}",
            flush=True,
        )
        write_results(table)
    if choice.scaling:
        from scaling import draw

        draw()
    write_results(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
