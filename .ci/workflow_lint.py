"""snakemake --lint with nothing but its wish for an environment per rule (``make lint``).

The package is one environment for all rules; an environment per rule would install it once per rule.
"""

import subprocess
import sys

WISH = "* Specify a conda environment or container for each rule.:"


def main() -> int:
    wishes = []
    for file in sys.argv[1:]:
        command = [sys.executable, "-m", "snakemake", "--lint", "-s", file]
        lint = subprocess.run(command, capture_output=True, text=True, check=False)
        if lint.returncode not in (0, 1):
            print(lint.stdout + lint.stderr)
            return lint.returncode
        lines = (lint.stdout + lint.stderr).splitlines()
        rule = file
        for line in lines:
            if line.startswith("Lints for"):
                rule = f"{file}: {line.removesuffix(':')}"
            elif line.strip().startswith("* ") and line.strip() != WISH:
                wishes.append(f"{rule}: {line.strip()}")
    print(*wishes, sep="\n", end="\n" if wishes else "")
    print(f"snakemake --lint: {len(wishes)} wishes besides an environment per rule")
    return int(bool(wishes))


if __name__ == "__main__":
    sys.exit(main())
