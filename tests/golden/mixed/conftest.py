"""The checks live in one module that the tests and ``tests/golden/accuracy.py`` share."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
