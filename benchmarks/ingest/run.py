"""Time and peak memory of reading a platform's sessions: raw file to checked tables on disk.

    python benchmarks/ingest/run.py [--rows 10000000] [--folder DIR]

Makes a long file (one row a session: patient, therapist, session, date, nine items of the PHQ-9) as CSV and as
Parquet, reads each in a process of its own, and writes results.md beside this file. The raw files and what is read
from them lie in a temporary folder, which is deleted.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

HERE = Path(__file__).parent
PIECE = 1_000_000
SESSIONS = 10
PATIENTS_OF_ONE = 40
ITEMS = [f"phq9_{n}" for n in range(1, 10)]
RUN = "run: big\nstudy: study.yaml\noutcome: {instrument: phq9}\ngrowth: {reml: true}\n"
STUDY = """name: big
occasions: [treatment]
files:
  - path: %s
    who: {person: patient, therapist: therapist}
    when: {occasion: treatment}
    session: session
    date: date
    measures: [{instrument: phq9, items: "phq9_{n}"}]
"""


def piece(first: int, rows: int) -> pd.DataFrame:
    """Some rows of the study: 10 sessions a patient, 40 patients a therapist, 2 % of the answers missing."""
    random = np.random.default_rng(first)
    at = np.arange(first, first + rows)
    patient = at // SESSIONS
    table = pd.DataFrame(
        {
            "patient": pd.Series(patient).map("P{:07d}".format),
            "therapist": pd.Series(patient // PATIENTS_OF_ONE).map("T{:05d}".format),
            "session": at % SESSIONS + 1,
            "date": np.datetime64("2015-01-01") + (patient % 3000 + 7 * (at % SESSIONS)).astype("timedelta64[D]"),
        }
    )
    answers = random.integers(0, 4, (rows, len(ITEMS))).astype(float)
    answers[random.random(answers.shape) < 0.02] = np.nan
    return pd.concat([table, pd.DataFrame(answers, columns=ITEMS).astype("Int8")], axis=1)


def make(folder: Path, rows: int) -> dict[str, Path]:
    """The study as CSV and as Parquet."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    paths = {kind: folder / f"sessions.{kind}" for kind in ("csv", "parquet")}
    writer = None
    for first in range(0, rows, PIECE):
        table = piece(first, min(PIECE, rows - first))
        table.to_csv(paths["csv"], mode="a", header=not first, index=False)
        arrow = pa.Table.from_pandas(table, preserve_index=False)
        writer = writer or pq.ParquetWriter(paths["parquet"], arrow.schema)
        writer.write_table(arrow)
    writer.close()
    return paths


def read(folder: Path, file: str) -> dict:
    """Read one file and write the tables; seconds, seconds of processor and peak GiB of this process."""
    from bowlby import stages
    from bowlby.config import load

    (folder / "run.yaml").write_text(RUN)
    (folder / "study.yaml").write_text(STUDY % file)
    before = resource.getrusage(resource.RUSAGE_SELF)
    start = time.perf_counter()
    stages.ingest(load(folder / "run.yaml"), folder / "out")
    seconds = time.perf_counter() - start
    used = resource.getrusage(resource.RUSAGE_SELF)
    processor = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
    measure = folder / "out/measures/phq9.parquet"
    import pyarrow.parquet as pq

    return {
        "seconds": seconds,
        "processor": processor,
        "peak": used.ru_maxrss / 2**20,
        "before": before.ru_maxrss / 2**20,
        "rows": pq.ParquetFile(measure).metadata.num_rows,
        "written": sum(p.stat().st_size for p in (folder / "out").rglob("*.parquet")) / 2**20,
    }


def bytes_alone(path: Path) -> float:
    """Seconds to read the file's bytes once: what no reader can be faster than."""
    start = time.perf_counter()
    with path.open("rb") as file:
        while file.read(1 << 22):
            pass
    return time.perf_counter() - start


def report(rows: list[dict], n: int) -> str:
    """The results as text."""
    import pyarrow

    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    lines = [
        "# Reading a platform's sessions",
        "",
        f"- {n:,} rows: {n // SESSIONS:,} patients, {n // SESSIONS // PATIENTS_OF_ONE:,} therapists; id, therapist, "
        "session, date and nine items a row.",
        "- From the raw file to checked tables on disk: measures, people, sessions, issues, data dictionary.",
        f"- {os.cpu_count()} cores, {memory:.0f} GiB; Python {platform.python_version()}, pandas {pd.__version__}, "
        f"pyarrow {pyarrow.__version__}. `load` is the one-minute load when the case began: above the number of "
        "cores, others were at work on the machine, and the seconds of the clock say less than those of the processor.",
        "- Peak memory is that of the whole process; the goal is a few GiB.",
        "",
        "| file | raw MB | seconds | of the processor | rows a second of processor | peak GiB | written MB | "
        "reading the bytes alone | load |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        lines.append(
            f"| {row['kind']} | {row['raw']:,.0f} | {row['seconds']:.0f} | {row['processor']:.0f} | "
            f"{row['rows'] / row['processor']:,.0f} | {row['peak']:.1f} | {row['written']:,.0f} | "
            f"{row['alone']:.1f} s | {row['load']:.1f} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Make, read, report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--read", nargs=2)
    given = parser.parse_args()
    if given.read:
        print(json.dumps(read(Path(given.read[0]), given.read[1])))
        return
    found = []
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        for kind, path in make(Path(name), given.rows).items():
            load = os.getloadavg()[0]
            command = [sys.executable, __file__, "--read", name, path.name]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            row = json.loads(done.stdout) | {"kind": kind, "raw": path.stat().st_size / 2**20, "load": load}
            if row["rows"] != given.rows:
                raise SystemExit(f"{kind}: {row['rows']} of {given.rows} rows read")
            found.append(row | {"alone": bytes_alone(path)})
            print(found[-1])
    (HERE / "results.md").write_text(report(found, given.rows))


if __name__ == "__main__":
    main()
