"""An instrument on the response ranges of a study's forms."""

from __future__ import annotations

from collections.abc import Iterable

from bowlby.errors import UserError, problem
from bowlby.instruments.model import Instrument

Range = tuple[float, float]


def on_forms(instrument: Instrument, responses: Iterable[Range | None]) -> Instrument:
    """The instrument as the forms of a study ask it.

    Parameters
    ----------
    instrument : Instrument
    responses : iterable of (lowest, highest) or None
        Response range of each form; None for the instrument's own.

    Returns
    -------
    Instrument
        As it is where all forms have its number of categories, whatever number they count from; else on the lowest of
        their ranges, without what is published for its own.

    Raises
    ------
    UserError
        If one key cannot score all forms, or the key cannot score a form with another number of categories.
    """
    ranges = {given for response in responses if (given := response or instrument.response) is not None}
    if len({high - low for low, high in ranges}) > 1:
        said = " and ".join(f"{low:g} to {high:g}" for low, high in sorted(ranges))
        what = f"forms of {instrument.id} have different numbers of categories: {said}"
        raise UserError(problem(what, "give one of the forms an instrument file of its own"))
    if not ranges or instrument.response is None:
        return instrument
    (low, high), own = min(ranges), instrument.response
    return instrument if high - low == own[1] - own[0] else instrument.on_response(low, high)


def counted_from(instrument: Instrument, response: Range | None) -> float:
    """By how much the answers of a form are higher than those of the instrument that :func:`on_forms` made for it."""
    return 0.0 if response is None or instrument.response is None else float(response[0] - instrument.response[0])
