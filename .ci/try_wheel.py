"""The wheel as its user gets it: built, installed in an empty environment, its examples run (``make try-wheel``).

Installs the locked versions of the libraries; takes some three minutes.
"""

import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
EXAMPLES = """
import doctest, bowlby
finder, runner = doctest.DocTestFinder(recurse=False), doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
for name in sorted(set(bowlby.__all__) - {"load_results"}):  # reads a run, which this folder has none of
    for example in finder.find(getattr(bowlby, name), name, globs={}):
        runner.run(example)
result = runner.summarize(verbose=False)
print(f"{result.attempted} examples, {result.failed} failed, bowlby {bowlby.__file__}")
raise SystemExit(result.failed > 0 or result.attempted == 0)
"""


def call(*command: str | Path, at: Path) -> None:
    subprocess.run([str(part) for part in command], cwd=at, check=True)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        at = Path(folder)
        call(sys.executable, "-m", "pip", "-q", "wheel", "--no-deps", "--no-build-isolation", "-w", at, ROOT, at=at)
        (wheel,) = at.glob("bowlby-*.whl")
        held = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
        if held != {"bowlby", f"{wheel.name.removesuffix('-py3-none-any.whl')}.dist-info"}:
            raise SystemExit(f"error: {wheel.name} holds {', '.join(sorted(held))}")
        venv.create(at / "env", with_pip=True)
        python = at / "env" / "bin" / "python"
        call(python, "-m", "pip", "-q", "install", "--require-hashes", "-r", ROOT / "requirements.txt", at=at)
        call(python, "-m", "pip", "-q", "install", "--no-deps", wheel, at=at)
        call(python, "-m", "pip", "check", at=at)
        call(python, "-c", EXAMPLES, at=at)
        call(at / "env" / "bin" / "bowlby", "--version", at=at)
        call(at / "env" / "bin" / "bowlby", "instruments", at=at)
        print(f"{wheel.name}: installed and tried")


if __name__ == "__main__":
    main()
