"""Numbers as people read them."""

from __future__ import annotations

import math

import pandas as pd

from bowlby.reasons import decimals

MISSING = "not available"


def absent(value) -> bool:
    """Whether a value does not exist (None, NaN, NA, infinite)."""
    if value is None or value is pd.NA or value is pd.NaT:
        return True
    return isinstance(value, float) and not math.isfinite(value)


def number(value, digits: int = 2, *, bounded: bool = False) -> str:
    """A number for people: a true minus, and no leading zero where it is bounded by 1.

    Examples
    --------
    >>> number(-0.004), number(-1.25), number(0.834, bounded=True), number(None)
    ('0.00', '−1.25', '.83', 'not available')
    """
    if absent(value):
        return MISSING
    text = f"{value:,.{digits}f}"
    if not text.strip("-0.,"):
        text = text.removeprefix("-")
    if bounded and abs(value) < 1:
        text = text.replace("0.", ".", 1)
    return text.replace("-", "−")


def digits(low, high, *thresholds: float) -> int:
    """Decimals of an estimate and its interval: two, or as many as the half-width needs; two without an interval.

    A limit close to one of the thresholds has as many (up to four) as show on which side of it the limit is.

    Examples
    --------
    >>> digits(-0.02, 0.31), digits(-0.02, 0.0984, 0.1), digits(0.002, 0.31, 0.0, 0.1)
    (2, 3, 3)
    """
    if absent(low) or absent(high):
        return 2
    places = decimals((high - low) / 2)
    near = [abs(end) - threshold for end in (low, high) for threshold in thresholds]
    while places < 4 and any(abs(gap) < 0.5 * 10**-places for gap in near):
        places += 1
    return places


def p_value(p) -> str:
    """A p value as the APA prints it.

    Examples
    --------
    >>> p_value(0.0004), p_value(0.0311)
    ('< .001', '.031')
    """
    if absent(p):
        return MISSING
    return "< .001" if p < 0.001 else f"{p:.3f}".removeprefix("0")


def p_statement(p) -> str:
    """A p value as it stands in a sentence.

    Examples
    --------
    >>> p_statement(0.0004), p_statement(0.0311)
    ('p < .001', 'p = .031')
    """
    text = p_value(p)
    return f"p {text}" if text.startswith("<") else f"p = {text}"


def interval(low, high, digits: int = 2, *, bounded: bool = False) -> str:
    """Two limits in brackets.

    Examples
    --------
    >>> interval(-0.1, 0.25), interval(None, None)
    ('[−0.10, 0.25]', 'not available')
    """
    if absent(low) or absent(high):
        return MISSING
    return f"[{number(low, digits, bounded=bounded)}, {number(high, digits, bounded=bounded)}]"


def estimate_cells(value, low, high) -> list[str]:
    """An estimate and its interval with the decimals that the interval needs.

    Examples
    --------
    >>> estimate_cells(0.31, 0.2, 0.4), estimate_cells(0.3102, 0.3081, 0.3123)
    (['0.31', '[0.20, 0.40]'], ['0.310', '[0.308, 0.312]'])
    """
    places = digits(low, high)
    return [number(value, places), interval(low, high, places)]
