"""Finding instruments: the library, and the user's own files, which come first."""

from __future__ import annotations

import difflib
import re
import textwrap
from functools import lru_cache
from pathlib import Path

from bowlby.errors import Place, UserError, problem
from bowlby.instruments.model import Instrument, Scale, read_instrument

LIBRARY = Path(__file__).parent / "library"
ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


def list_instruments(own_dir: Path | None = None) -> list[str]:
    """Ids of the library's instruments and of the user's own, sorted."""
    folders = [LIBRARY, *([Path(own_dir)] if own_dir and Path(own_dir).is_dir() else [])]
    return sorted({path.stem for folder in folders for path in folder.glob("*.yaml")})


def is_own(name: str, own_dir: Path | None = None) -> bool:
    """Whether an instrument comes from the user's own folder."""
    return own_dir is not None and bool(ID.fullmatch(name)) and (Path(own_dir) / f"{name}.yaml").is_file()


def load_instrument(name: str, own_dir: Path | None = None) -> Instrument:
    """Load an instrument by id; a file of that name in ``own_dir`` wins over the library.

    Parameters
    ----------
    name : str
        Id, such as ``wai_sr``.
    own_dir : path, optional
        Folder with the user's own instruments; may be absent.

    Returns
    -------
    Instrument
        Items, response range (as stored), scales with reverse keys and missing rules, published norms and cut-offs with
        their sources.

    Raises
    ------
    UserError
        If there is no such instrument, or its file has faults; one line each, with file and line.

    Examples
    --------
    >>> import bowlby
    >>> phq9 = bowlby.load_instrument("phq9")
    >>> phq9.n_items, phq9.response, phq9.range_of("total")
    (9, (0.0, 3.0), (0.0, 27.0))
    """
    if own_dir is not None and is_own(name, own_dir):
        path = Path(own_dir) / f"{name}.yaml"
        instrument = read_instrument(path)
        if instrument.id != name:
            raise UserError(
                problem(
                    f"the id is '{instrument.id}', the file's name '{name}'",
                    "make them the same",
                    Place(path.name, None, "id"),
                )
            )
        return instrument
    if not ID.fullmatch(name) or not (LIBRARY / f"{name}.yaml").is_file():
        known = list_instruments(own_dir)
        near = difflib.get_close_matches(name.lower(), known, n=3, cutoff=0.5)
        do = f"did you mean {' or '.join(repr(n) for n in near)}?" if near else "`bowlby instruments` lists them"
        raise UserError(problem(f"unknown instrument '{name}'", do))
    return _library(name)


@lru_cache(maxsize=64)
def _library(name: str) -> Instrument:
    return read_instrument(LIBRARY / f"{name}.yaml")


HEAD = ("id", "name", "items", "answers", "key", "from")
NAME_WIDTH = 26
"""Of 80 columns, what the other cells leave to the name; longer names go on in the next line."""
SHOW = "Key, norms, sources and licence of one: bowlby instruments show ID"
N_ITEMS = re.compile(r"(\d+)[ -]items?\b")


def find(words: list[str], own_dir: Path | None = None) -> tuple[list[tuple[str, ...]], list[str]]:
    """The library's instruments and the user's own, and what is wrong with the user's files.

    Parameters
    ----------
    words : list of str
        Only instruments for which each of these begins a word of id, name, scales, citation, direction or licence;
        "6 items" is their number. All instruments if there are none.
    own_dir : path, optional

    Returns
    -------
    rows : list of tuple of str
        Columns ``HEAD``, sorted by id: id, name, number of items, response range, confidence of the key, ``library`` or
        ``yours``.
    faults : list of str
        One line each; an instrument with faults has no row.

    Raises
    ------
    UserError
        If no instrument is found.
    """
    query = " ".join(words).lower()
    sizes, rest = {int(n) for n in N_ITEMS.findall(query)}, N_ITEMS.sub(" ", query).split()
    rows: list[tuple[str, ...]] = []
    faults: list[str] = []
    for name in list_instruments(own_dir):
        try:
            i = load_instrument(name, own_dir)
        except UserError as error:
            faults += error.problems
            continue
        if not (sizes <= {i.n_items} and all(re.search(rf"\b{re.escape(word)}", _searched(i)) for word in rest)):
            continue
        answers = f"{i.response[0]:g}-{i.response[1]:g}" if i.response else "codes"
        whose = "yours" if is_own(name, own_dir) else "library"
        rows.append((i.id, i.name, str(i.n_items), answers, i.confidence, whose))
    if not rows and not faults:
        raise UserError(problem(f"no questionnaire has '{query}'", "`bowlby instruments` lists all"))
    return rows, faults


def _searched(i: Instrument) -> str:
    """The text of an instrument that is searched, in small letters and with blanks for underscores."""
    scales = [name.replace("_", " ") for name in i.all_scales()]
    return " ".join((i.id, i.name, i.citation, i.direction, i.licence, *scales)).lower()


def text_table(rows: list[tuple[str, ...]]) -> str:
    """Rows of :func:`find` as text of 80 columns."""
    wrapped = [(row, textwrap.wrap(row[1], NAME_WIDTH)) for row in (HEAD, *rows)]
    widths = [max(len(row[k]) for row, _ in wrapped) for k in range(len(HEAD))]
    widths[1] = NAME_WIDTH
    lines = []
    for (key, _, *others), (first, *further) in wrapped:
        cells = zip((key, first, *others), widths, strict=True)
        lines.append("  ".join(cell.ljust(width) for cell, width in cells).rstrip())
        lines += [f"{'':{widths[0]}}  {part}" for part in further]
    return "\n".join([*lines, "", SHOW])


def describe(name: str, own_dir: Path | None = None) -> str:
    """One instrument as text: form, key, rule for missing items, cut-offs, licence, sources."""
    i = load_instrument(name, own_dir)
    lines = [
        f"{i.id}: {i.name}",
        *_field("citation", i.citation),
        *_form(i),
        f"key: {i.confidence}" + (", your own file" if is_own(name, own_dir) else ""),
        *_field("  rests on", i.confidence_note),
        *_field("direction", i.direction),
        *_field("reporting", i.aggregate_note),
    ]
    lines += ["scales:"] if i.scales else []
    for scale_name, scale in i.all_scales().items():
        lines += _scale(i, scale_name, scale)
    lines += [line for what in i.cannot_score for line in _field("cannot be scored", what)]
    lines += [line for key, what in i.derived.items() for line in _field(f"derived {key} (not computed)", what)]
    for key, composite in i.composites.items():
        terms = " ".join(f"{weight:+g} {scale}" for scale, weight in composite.weights.items())
        lines += _field(f"composite {key}", terms)
    if i.style:
        lines += [*_field("style", i.style.words), *_field("  warning", i.style.warning)]
    lines += [f"item flag {key}: {', '.join(map(str, items))}" for key, items in i.item_flags.items()]
    for label, text in (
        ("missing items", i.missing_rule),
        ("cut-offs", i.cutoffs),
        ("reliable change", i.reliable_change),
    ):
        lines += _field(label, text)
    for label, texts in (("norm", i.norms), ("trap", i.traps), ("source", i.sources)):
        lines += [line for text in texts for line in _field(label, text)]
    return "\n".join([*lines, *_field("licence", i.licence)])


def _form(i: Instrument) -> list[str]:
    if i.response is None:
        return [f"code {code}: {meaning}" for code, meaning in i.codes.items()]
    anchors = f" ({i.anchors})" if i.anchors else ""
    return [f"items: {i.n_items}, answers {i.response[0]:g} to {i.response[1]:g}{anchors}"]


def _field(label: str, text: str) -> list[str]:
    return textwrap.wrap(f"{label}: {text}", 100, subsequent_indent="    ") if text else []


def _scale(instrument: Instrument, name: str, scale: Scale) -> list[str]:
    low, high = instrument.range_of(name)
    text = (
        f"{name}: {instrument.words(name)}; "
        f"reversed {', '.join(map(str, scale.reverse)) or 'none'}; "
        f"needs {scale.min_answered} of {len(scale.items)} answered; from {low:g} to {high:g}"
    )
    text += "; recoded first" if scale.recode else ""
    text += "; missing items are worth the mean of their own scale" if instrument.added(name) else ""
    text += f"; key {scale.confidence}" if scale.confidence else ""
    return textwrap.wrap(text, 100, initial_indent="  ", subsequent_indent="      ")
