"""The values of a record by their places, and whether two numbers are the same."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

TOLERANCE = 1e-6
"""Relative to the number; a difference below 1e-9 is none."""
ZERO = 1e-9
PRINTED = re.compile(r"[-−]?\d*\.?\d+")


def flat(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Every value that a JSON record holds, with its place.

    Examples
    --------
    >>> dict(flat({"fixed": [{"se": 0.1}], "llf": -3}))
    {'fixed[0].se': 0.1, 'llf': -3}
    """
    if isinstance(value, dict):
        for key, one in value.items():
            yield from flat(one, f"{place}.{key}".lstrip("."))
    elif isinstance(value, list):
        for k, one in enumerate(value):
            yield from flat(one, f"{place}[{k}]")
    else:
        yield place, value


def is_number(value: Any) -> bool:
    """Whether a value of a record is a number, which True and False are not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def same(one: Any, other: Any) -> bool:
    """Whether two values of records are the same: numbers within the tolerance, anything else exactly."""
    if is_number(one) and is_number(other):
        return math.isclose(one, other, rel_tol=TOLERANCE, abs_tol=ZERO)
    return one == other


def same_as_printed(printed: Any, value: Any) -> bool:
    """Whether a value is the same as one that was frozen; a number kept as text counts to the digits that it has.

    Examples
    --------
    >>> same_as_printed("-0.30", -0.2952), same_as_printed("-0.30", -0.2949), same_as_printed("supported", "supported")
    (True, False, True)
    """
    if not (isinstance(printed, str) and PRINTED.fullmatch(printed) and is_number(value)):
        return same(printed, value)
    decimals = len(printed.partition(".")[2])
    return abs(float(printed.replace("−", "-")) - value) <= 0.5 * 10.0**-decimals + ZERO
