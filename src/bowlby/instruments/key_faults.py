"""What is wrong with an instrument's key: items, response range, scales, totals, recodes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from bowlby.instruments.published_norms import evidence_faults

if TYPE_CHECKING:
    from bowlby.instruments.model import Instrument, Scale, Total

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
TAKEN = {
    "person",
    "role",
    "about",
    "occasion",
    "session",
    "therapist",
    "date",
    "source",
    "source_file",
    "source_row",
    "code",
    "style",
}


def key_faults(instrument: Instrument) -> list[tuple[tuple, str, str]]:
    """What is wrong with the key: place in the file, what, and what to do."""
    faults = [*_form_faults(instrument)]
    if any(place == ("response",) for place, *_ in faults):
        return faults
    for name, scale in instrument.scales.items():
        faults += _scale_faults(instrument, name, scale)
    if not instrument.overlap_ok:
        faults += _overlaps(instrument)
    used = {i for s in instrument.scales.values() for i in s.items}
    unused = sorted(set(range(1, instrument.n_items + 1)) - used)
    if unused and not instrument.unused_ok:
        faults.append(
            (
                ("scales",),
                f"items {_list(unused)} belong to no scale",
                "add them to a scale, or write `unused_ok: true`",
            )
        )
    return [*faults, *evidence_faults(instrument)]


def _form_faults(instrument: Instrument) -> Iterator[tuple[tuple, str, str]]:
    if instrument.codes and not instrument.n_items and not instrument.scales:
        return
    if instrument.response is None:
        yield ("response",), "there is no response range", "write [lowest, highest]"
    elif not instrument.response[0] < instrument.response[1]:
        low, high = instrument.response
        yield ("response",), f"response {low:g} to {high:g} is no range", "write [lowest, highest]"
    else:
        yield from _item_range_faults(instrument)
    if not instrument.scales:
        yield ("scales",), "there is no scale", "give at least one"
    if instrument.total is not None:
        yield from _total_faults(instrument, instrument.total)


def _item_range_faults(instrument: Instrument) -> Iterator[tuple[tuple, str, str]]:
    whole_low, whole_high = instrument.answers
    keyed = {i for s in instrument.scales.values() for i in (*s.reverse, *(i for r in s.recode for i in r.items))}
    for item, (low, high) in instrument.item_response.items():
        place = ("item_response", item)
        if not (1 <= item <= instrument.n_items and whole_low <= low < high <= whole_high):
            what = f"item {item} with answers {low:g} to {high:g} is not part of the form"
            yield place, what, "give an item's number, and a range within `response`"
        elif item in keyed:
            what = f"item {item} has a range of its own and is reversed or recoded"
            yield place, what, "store its answers in the direction of the scale"


def _total_faults(instrument: Instrument, total: Total) -> Iterator[tuple[tuple, str, str]]:
    if "total" in instrument.scales:
        yield ("total",), "total is a scale and a total at once", "keep one of them"
    for name in total.scales or []:
        if name not in instrument.scales:
            yield ("total", "scales"), f"total: there is no scale {name}", f"use some of {', '.join(instrument.scales)}"
    scales = instrument.totalled()
    n = len({i for s in scales.values() for i in s.items})
    if not 1 <= total.min_answered <= n:
        yield (
            ("total", "min_answered"),
            f"min_answered {total.min_answered} is not from 1 to {n}",
            "give the smallest number of answered items that gives a total",
        )
    if any(s.recode for s in scales.values()):
        yield ("total",), "a total has no rule for recoded items", "leave the total out, or give it as a composite"
    turned = {i for s in scales.values() for i in s.reverse}
    both = sorted(turned & {i for s in scales.values() for i in set(s.items) - set(s.reverse)})
    if both:
        what = f"items {_list(both)} are reversed in one scale and not in another"
        yield ("total",), f"{what}, so a total cannot have them", "leave the total out, or correct reverse"
    if total.of == "scales":
        kinds = {instrument.aggregate, *(s.aggregate or instrument.aggregate for s in scales.values())}
        if "mean" in kinds or instrument.aggregate != "sum":
            yield ("total", "of"), "a total of scales needs scales that are sums", "write `of: items`"
        if sum(len(s.items) for s in scales.values()) > n:
            yield ("total", "of"), "a total of scales would count shared items twice", "write `of: items`"
    elif any((s.aggregate or instrument.aggregate) == "max" for s in scales.values()):
        what = "a total of items would add up items of which a scale has the highest only"
        yield ("total", "of"), what, "write `of: scales`"


def _scale_faults(instrument: Instrument, name: str, scale: Scale) -> Iterator[tuple[tuple, str, str]]:
    place = ("scales", name)
    low, high = instrument.answers
    if not NAME.fullmatch(name) or name in TAKEN or name.endswith(("_n", "_prorated")):
        yield (
            place,
            f"'{name}' cannot be a scale's name",
            "use letters, digits and _, and no column of the scores",
        )
    if not scale.items:
        yield place, f"scale {name} has no items", "list its item numbers"
    twice = sorted({i for i in scale.items if scale.items.count(i) > 1})
    if twice:
        yield (*place, "items"), f"scale {name} lists items {_list(twice)} twice", "list each once"
    outside = sorted({i for i in scale.items if not 1 <= i <= instrument.n_items})
    if outside:
        yield (
            (*place, "items"),
            f"scale {name} has items {_list(outside)} outside 1 to {instrument.n_items}",
            "correct the numbers, or n_items",
        )
    foreign = sorted(set(scale.reverse) - set(scale.items))
    if foreign:
        yield (
            (*place, "reverse"),
            f"scale {name} reverses items {_list(foreign)} that are not its own",
            "correct reverse, or items",
        )
    if not 1 <= scale.min_answered <= max(len(scale.items), 1):
        yield (
            (*place, "min_answered"),
            f"scale {name}: min_answered {scale.min_answered} is not from 1 to {len(scale.items)}",
            "give the smallest number of answered items that gives a score",
        )
    if (scale.aggregate or instrument.aggregate) == "item" and len(scale.items) > 1:
        yield place, f"scale {name} is a single item and lists {len(scale.items)}", "use sum or mean"
    categories = high - low + 1
    for n, recode in enumerate(scale.recode):
        if len(recode.to) != categories:
            yield (
                (*place, "recode", n, "to"),
                f"scale {name}: a recode has {len(recode.to)} values for {categories:g} response categories",
                "give one value for each",
            )
        if scale.reverse:
            yield (
                (*place, "reverse"),
                f"scale {name} has a recode and reversals",
                "put the reversal in the recode",
            )
    recoded = [i for r in scale.recode for i in r.items]
    if recoded and sorted(recoded) != sorted(scale.items):
        yield (
            (*place, "recode"),
            f"scale {name}: the recode does not cover each item once",
            "list each item once",
        )


def _overlaps(instrument: Instrument) -> Iterator[tuple[tuple, str, str]]:
    names = list(instrument.scales)
    for a, first in enumerate(names):
        for second in names[a + 1 :]:
            both = sorted(set(instrument.scales[first].items) & set(instrument.scales[second].items))
            if both:
                yield (
                    ("scales", second, "items"),
                    f"items {_list(both)} are in {first} and in {second}",
                    "keep each in one scale, or write `overlap_ok: true`",
                )


def _list(numbers: list[int]) -> str:
    return ", ".join(str(n) for n in numbers)
