"""A stage is computed anew when code changes that it runs: what its functions import, and what that imports in turn."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

import bowlby
from bowlby.fingerprint import SHARED, STAGES
from bowlby.steps import CODE

PACKAGE = Path(bowlby.__file__).parent
WORKFLOW, VALIDATION = (PACKAGE.parents[1] / name for name in ("workflow", "validation"))
OWN = {"bowlby", "validation"}
NO_RESULT = {
    "bowlby",
    "bowlby.job",
    "bowlby.plan",
    "bowlby.processes",
    "bowlby.run_marker",
    "bowlby.fingerprint",
    "bowlby.resources",
    "bowlby.steps",
}
"""What starts jobs and says which there are; what it hands to a job is an input or a parameter of the job's rule."""


def file_of(module: str) -> Path | None:
    """The source of a module of the package, or of what validates it."""
    root, *parts = module.split(".")
    stem = {"bowlby": PACKAGE, "validation": VALIDATION}[root].joinpath(*parts)
    return next((p for p in (stem / "__init__.py", stem.with_suffix(".py")) if p.is_file()), None)


def imported(nodes: list[ast.stmt]) -> set[str]:
    """Our own modules that statements import, at any depth."""
    names = set()
    for node in (inner for outer in nodes for inner in ast.walk(outer)):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] in OWN:
            whole = {f"{node.module}.{alias.name}" for alias in node.names}
            names |= {name if file_of(name) else node.module for name in whole}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names if alias.name.split(".")[0] in OWN}
    return names


@cache
def functions(module: str) -> dict[str, ast.FunctionDef]:
    body = ast.parse(file_of(module).read_text("utf-8")).body
    return {node.name: node for node in body if isinstance(node, ast.FunctionDef)}


def called(name: str, seen: set[str]) -> set[str]:
    """A function of ``stages.py`` and those of its functions that it calls."""
    seen.add(name)
    names = {node.id for node in ast.walk(functions("bowlby.stages")[name]) if isinstance(node, ast.Name)}
    for other in names & set(functions("bowlby.stages")) - seen:
        called(other, seen)
    return seen


def of_step(name: str) -> set[str]:
    """Modules that a step imports: those of its own function, and of the functions of ``stages.py`` that it calls."""
    own = functions("bowlby.steps").get(name)
    text = ast.unparse(own) if own else f"stages.{name}"
    names = set().union(*(called(one, set()) for one in re.findall(r"\bstages\.(\w+)", text)))
    return imported([*([own] if own else []), *(functions("bowlby.stages")[one] for one in names)])


def scripts_of(stage: str) -> list[Path]:
    """Scripts of the rules that depend on a stage's code."""
    rules = "\n".join(p.read_text("utf-8") for p in sorted(WORKFLOW.rglob("*.smk")))
    found = re.findall(rf'fingerprint\("{stage}".*?"(?:\.\./)?(scripts/\w+\.py)"', rules, re.DOTALL)
    return [WORKFLOW / name for name in sorted(set(found))]


def reached(stage: str) -> set[str]:
    """Modules whose code a stage runs or could run."""
    steps = [name for name, code in CODE.items() if code == stage]
    new = set().union(
        *map(of_step, steps), *(imported(ast.parse(s.read_text("utf-8")).body) for s in scripts_of(stage))
    )
    seen: set[str] = set()
    while new := {name for name in new - seen - NO_RESULT if file_of(name)}:
        seen |= new
        new = set().union(*(imported(ast.parse(file_of(name).read_text("utf-8")).body) for name in new))
    return seen


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_lists_all_code_that_it_runs(stage):
    assert reached(stage)
    listed = [PACKAGE / part for part in (*SHARED, *STAGES[stage])]
    listed += [VALIDATION] if stage == "simulate" else []
    files = {file_of(name) for name in reached(stage)}
    missing = sorted(f.relative_to(PACKAGE).as_posix() for f in files if not any(f.is_relative_to(p) for p in listed))
    assert missing == []
