"""Draw ``docs/img/architecture.svg``: the packages, their floors and what imports what (``make docs``).

The floors are those of the table in ``docs/architecture.md``, the imports are read from the code. A test compares both,
and the picture.
"""

from __future__ import annotations

import ast
import re
from functools import cache
from html import escape
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE, PICTURE = ROOT / "docs/architecture.md", ROOT / "docs/img/architecture.svg"
ROW = re.compile(r"^\| (\d+) \| `(\w+)` \| (.+) \|$", re.MULTILINE)
WIDTH, BOX, TALL, FLOOR = 920, 104, 30, 74


def floors() -> dict[str, int]:
    """Floor of each package, by the page's table."""
    return {name: int(floor) for floor, name, _ in ROW.findall(PAGE.read_text("utf-8"))}


def packages() -> list[str]:
    """What stands directly in ``src/bowlby``: packages and modules."""
    names = {p.stem if p.suffix == ".py" else p.name for p in (ROOT / "src/bowlby").iterdir()
             if p.suffix == ".py" or (p / "__init__.py").is_file()}  # fmt: skip
    return sorted(names - {"__init__"})


def imports() -> dict[tuple[str, str], list[str]]:
    """Files that import a package from another, by (importing, imported); also imports inside of functions."""
    found: dict[tuple[str, str], list[str]] = {}
    for path in sorted((ROOT / "src/bowlby").rglob("*.py")):
        own = path.relative_to(ROOT / "src/bowlby").parts[0].removesuffix(".py")
        if own == "__init__":
            continue
        for name in sorted(_imported(ast.parse(path.read_text("utf-8"))) - {own}):
            found.setdefault((own, name), []).append(path.relative_to(ROOT).as_posix())
    return found


def _imported(tree: ast.AST) -> set[str]:
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    parts = [name.split(".") for name in names]
    return {part[1] for part in parts if part[0] == "bowlby" and len(part) > 1 and part[1] != "__version__"}


def drawn(edges: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """The imports without those that follow from others: A to C goes where A imports B and B imports C."""
    targets: dict[str, set[str]] = {}
    for one, other in edges:
        targets.setdefault(one, set()).add(other)

    @cache
    def reached(name: str) -> frozenset[str]:
        direct = targets.get(name, set())
        return frozenset(direct.union(*(reached(other) for other in direct)))

    return {(a, c) for a, c in edges if not any(c in reached(b) for b in targets[a] - {c})}


def picture() -> str:
    """The picture as SVG text."""
    level, spot = floors(), {}
    top = max(level.values())
    for floor in range(1, top + 1):
        names = sorted(name for name in level if level[name] == floor)
        gap = (WIDTH - BOX * len(names)) / (len(names) + 1)
        for k, name in enumerate(names):
            spot[name] = (gap + k * (BOX + gap) + BOX / 2, (top - floor) * FLOOR + 12)
    height = top * FLOOR - FLOOR + TALL + 24
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        'font-family="sans-serif" font-size="13">',
        "<title>Packages of bowlby by floor; a line leads from a package down to one that it imports</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
    ]
    for one, other in sorted(drawn(set(imports()))):
        (x, y), (u, v) = spot[one], spot[other]
        y += TALL
        bend = (v - y) / 2
        lines.append(f'<path d="M{x:.0f} {y:.0f}C{x:.0f} {y + bend:.0f} {u:.0f} {v - bend:.0f} {u:.0f} {v:.0f}" '
                     'fill="none" stroke="#7a8794"/>')  # fmt: skip
    for name, (x, y) in sorted(spot.items()):
        lines.append(f'<rect x="{x - BOX / 2:.0f}" y="{y:.0f}" width="{BOX}" height="{TALL}" rx="4" fill="#eef3f7" '
                     'stroke="#41607c"/>')  # fmt: skip
        lines.append(f'<text x="{x:.0f}" y="{y + 20:.0f}" text-anchor="middle">{escape(name)}</text>')
    return "\n".join([*lines, "</svg>", ""])


if __name__ == "__main__":
    PICTURE.write_text(picture(), "utf-8")
    print(f"written: {PICTURE.relative_to(ROOT)}")
