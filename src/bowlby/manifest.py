"""The manifest: what went in, with which versions, when and from which commit. The only file with times."""

from __future__ import annotations

import platform
import shlex
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import yaml

from bowlby import __version__
from bowlby.design.directions import contrary_directions
from bowlby.files import write_json, write_text
from bowlby.fingerprint import LIBRARIES, versions
from bowlby.plan import Plan

ROOT = Path(__file__).parents[2]


def write_manifest(plan: Plan, folder: Path | None = None) -> None:
    """Write ``manifest.json`` and the configuration as run, ``config.yaml`` and ``study.yaml``.

    Parameters
    ----------
    plan : Plan
    folder : Path, optional
        Where to; by default the run's own folder.
    """
    loaded, folder = plan.loaded, folder or plan.folder
    run, study = loaded.run.model_dump(mode="json"), loaded.study.model_dump(mode="json")
    for name, content in (("config", run), ("study", study)):
        write_text(folder / f"{name}.yaml", yaml.safe_dump(content, allow_unicode=True, sort_keys=False))
    write_json(
        folder / "manifest.json",
        {
            "schema": 1,
            "run": loaded.run.run,
            "title": loaded.title,
            "study": loaded.study.name,
            "synthetic": loaded.study.synthetic,
            "privacy": loaded.run.privacy,
            "seed": loaded.run.seed,
            "command": shlex.join(["bowlby", "run", _named(loaded.path)]),
            "config": run,
            "contrary_directions": [str(line) for line in contrary_directions(loaded)],
            "inputs": {Path(path).name: digest for path, digest in plan.checksums().items()},
            "versions": {"bowlby": __version__, "python": platform.python_version()}
            | versions((*LIBRARIES, "snakemake", "matplotlib", "seaborn")),
            "platform": platform.platform(),
            "written": datetime.now(UTC).isoformat(timespec="seconds"),
            "git": git_state(ROOT),
        },
    )


def _named(path: Path) -> str:
    """A file as it is named from the working directory, without the folders above that."""
    return path.name if ".." in path.parts or path.is_absolute() else path.as_posix()


def git_state(root: Path) -> dict:
    """Commit and dirty flag of the checkout; both None where there is none."""

    def ask(*words: str) -> str | None:
        try:
            done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, timeout=20)
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    commit = ask("rev-parse", "HEAD")
    changed = ask("status", "--porcelain", "--untracked-files=no") if commit else None
    return {"commit": commit, "dirty": None if changed is None else bool(changed)}
