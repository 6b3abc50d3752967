import re
from pathlib import Path

import bowlby.mixed as mixed


def test_tolerances_stand_in_one_place():
    """No small number is written in the engine's code but in `tolerances`."""
    number = re.compile(r"(?<![\w.\"'])[0-9.]+e-[0-9]+")
    code = {
        path.name: [line for line in path.read_text("utf-8").splitlines() if number.search(line.split("#")[0])]
        for path in Path(mixed.__file__).parent.glob("*.py")
    }
    found = [line.strip() for name, lines in code.items() if name != "tolerances.py" for line in lines]
    assert all("beyond 1e-100" in line or line.startswith("the criterion, 1e-12") for line in found), found
