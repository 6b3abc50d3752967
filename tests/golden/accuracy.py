"""Write the accuracy table of the mixed-model engine: the worst difference of each quantity in each design.

python tests/golden/accuracy.py            writes benchmarks/mixed/accuracy.md
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "mixed"))

import differences  # noqa: E402
import mixed_checks as checks  # noqa: E402

TARGET = HERE.parents[1] / "benchmarks" / "mixed" / "accuracy.md"


def collect() -> tuple[list[differences.Check], list[str]]:
    """All checks, and the models left out for want of their data."""
    found: list[differences.Check] = []
    for design in checks.DESIGNS:
        for make in checks.SUITE.values():
            found += make(design)
    absent = [name for name in checks.MODELS if not checks.model_file(name).exists()]
    for name in checks.MODELS:
        if name not in absent:
            found += checks.model_checks(name)
    for name in checks.reference(checks.ARMS)["fits"]:
        found += checks.whole_term_checks(name)
    return found + checks.limit_checks(), absent


def cell(found: list[differences.Check]) -> str:
    if not found:
        return ""
    worst = max(found, key=lambda c: c.difference / c.limit)
    text = f"{max(worst.difference, 0.0):.0e}"
    return text if worst.passes else f"**{text}**"


def table(found: list[differences.Check], names: list[str], quantities: list[str]) -> list[str]:
    by = {}
    for check in found:
        by.setdefault((check.quantity, check.design), []).append(check)
    lines = ["| quantity | limit | " + " | ".join(names) + " |", "|---" * (len(names) + 2) + "|"]
    for quantity in quantities:
        cells = [cell(by.get((quantity, name), [])) for name in names]
        if any(cells):
            lines.append(f"| {quantity} | {differences.LIMITS[quantity][0]:.0e} | " + " | ".join(cells) + " |")
    return lines


def _by_reason(found: list[differences.Check]) -> list[str]:
    by: dict[str, list[str]] = {}
    for check in found:
        why = differences.registered()[check.design, check.quantity, check.item]
        by.setdefault(why, []).append(f"{check.design}, {check.quantity}, {check.item} ({check.difference:.1e})")
    return [f"- {'; '.join(where)}: {why}" for why, where in by.items()]


def main() -> int:
    everything, absent = collect()
    registered = [c for c in everything if differences.known(c)]
    found = [c for c in everything if not differences.known(c)]
    failed = [c for c in found if not c.passes]
    higher = [c for c in found if c.quantity == "log-likelihood" and c.difference < -1e-6]
    quantities = list(differences.LIMITS)
    models = [name for name in checks.MODELS if name not in absent]
    lines = [
        "# Accuracy of the mixed-model engine",
        "",
        f"{len(found)} numbers compared, {len(failed)} beyond their limit, and {len(registered)} known to differ. "
        "Each cell is the worst difference of its kind, in the unit below; bold where it passes the "
        "limit. A log-likelihood above the reference's counts as 0.",
        "",
        "## Designs of the reference set",
        "",
        *table(found, list(checks.DESIGNS), quantities),
        "",
        "## Small sets and published studies",
        "",
    ]
    for first in range(0, len(models), 9):
        lines += [*table(found, models[first : first + 9], quantities), ""]
    lines += ["## Units", "", *(f"- {name}: {unit}" for name, (_, unit) in differences.LIMITS.items()), ""]
    lines += [
        "## Whole terms",
        "",
        "F and df of type III tests of nine models differ by at most "
        f"{max(c.difference for c in found if c.quantity == 'whole term'):.0e} from lmerTest and car.",
        "",
    ]
    lines += [
        "## Known differences",
        "",
        "Registered in tests/golden/divergences.yaml, with the reasons.",
        "",
        *_by_reason(registered),
        "",
    ]
    if absent:
        lines += ["## Not compared for want of their data", "", ", ".join(absent), ""]
    if failed:
        lines += [
            "## Beyond the limit",
            "",
            *(f"- {c.design}, {c.quantity}, {c.item}: {c.difference:.2e} (limit {c.limit:.0e})" for c in failed),
            "",
        ]
    if higher:
        lines += [
            "## Log-likelihood above the reference by more than 1e-6",
            "",
            *(f"- {c.design}, {c.item}: {-c.difference:.2e}" for c in higher),
            "",
        ]
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text("\n".join(lines), encoding="utf-8")
    sys.stdout.write("\n".join(lines))
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
