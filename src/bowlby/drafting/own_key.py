"""A questionnaire of one's own: a commented file to fill in, and a trial of its key on data."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from bowlby.drafting.matching import named_by
from bowlby.drafting.naming import Block, blocks
from bowlby.drafting.tables import Table, read_tables
from bowlby.errors import Place, UserError, count, problem
from bowlby.files import write_text
from bowlby.instruments.audit import audit
from bowlby.instruments.catalogue import ID
from bowlby.instruments.factor_models import products
from bowlby.instruments.model import Instrument, read_instrument
from bowlby.instruments.reliability import alpha
from bowlby.instruments.scoring import item_name, keyed_items, score

TEMPLATE = """# A questionnaire of your own; `bowlby instruments show phq9` shows one that is filled in.
id: {id}
name: {id}  # full name
citation: ""  # where it was published
n_items: {n}
response: [{low}, {high}]  # lowest and highest answer as stored
anchors: ""  # what the lowest and the highest answer mean
aggregate: sum  # sum or mean of the items, or max
scales:
  total:
    items: [{items}]
    reverse: []  # items that count from the other end
    min_answered: {least}  # fewest answered items that give a score
    higher: worse  # what a higher score means: worse or better
confidence: unverified  # verified-1 or verified-2 if you have compared the key with one or two documents
sources: []  # these documents
"""
SHARE = 0.8
"""Share of items that must be answered, in a new file."""


def new_instrument(folder: Path, name: str, items: int, low: int, high: int) -> Path:
    """Write a commented file of a questionnaire with one scale.

    Raises
    ------
    UserError
        If the file exists, or the name or the range is none.
    """
    if not ID.fullmatch(name):
        raise UserError(problem(f"'{name[:40]}' is no id", "use small letters, digits and _, as in my_scale"))
    if low >= high:
        raise UserError(problem(f"answers from {low} to {high} are no range", "give a --high above --low"))
    path = Path(folder) / f"{name}.yaml"
    if path.exists():
        raise UserError(problem("exists already", "choose another name, or move it", Place(str(path))))
    numbers = ", ".join(map(str, range(1, items + 1)))
    least = max(1, round(SHARE * items))
    return write_text(path, TEMPLATE.format(id=name, n=items, low=low, high=high, items=numbers, least=least))


def try_key(path: Path, data: Path) -> list[str]:
    """Score a raw file by an instrument file, and audit the key; nothing is written.

    Parameters
    ----------
    path : Path
        The instrument's file.
    data : Path
        A table whose columns of items are numbered, or begin with the instrument's name.

    Returns
    -------
    list of str
        Lines on the columns, on each scale, and on each check that the key did not pass.

    Raises
    ------
    UserError
        If a file cannot be read, or the table has no such columns.
    """
    instrument = read_instrument(path)
    table, block = _items(read_tables(data), instrument, data)
    low, high = instrument.answers
    cells = {item_name(k): pd.to_numeric(table.raw.text(c), errors="coerce") for k, c in enumerate(block.columns, 1)}
    answers = pd.DataFrame(cells)
    outside = (answers < low) | (answers > high)
    answers = answers.mask(outside)
    head = {"person": [str(i) for i in answers.index], "role": "patient", "about": "self", "occasion": ""}
    measures = pd.DataFrame(head, index=answers.index).join(answers)[lambda t: answers.notna().any(axis=1)]
    scores = score(measures, instrument)
    lines = [f"items: {block.columns[0]} to {block.columns[-1]}, {count(len(measures), 'form')}"]
    if n := int(outside.to_numpy().sum()):
        lines.append(f"{count(n, 'answer')} outside {low:g} to {high:g} taken as missing")
    for name in instrument.all_scales():
        own = scores[name].dropna().astype(float)
        items = products(list(keyed_items(measures, instrument, name).values()))
        consistency = f", alpha {alpha(items)[0]:.2f}" if len(items.mean) > 1 and items.n > 2 else ""
        lines.append(f"{name}: n {len(own)}, mean {own.mean():.2f}, SD {own.std():.2f}, range {own.min():g} to "
                     f"{own.max():g}{consistency}")  # fmt: skip
    findings = audit(measures, instrument, scores)
    for one in findings[findings["verdict"].isin(["wrong", "suspicious"])].itertuples():
        where = " ".join(str(v) for v in (one.scale, one.item) if pd.notna(v) and v != "")
        lines.append(f"{one.verdict}: {where}: {one.check}: {one.observed}, expected {one.expected}; {one.advice}")
    return lines


def _items(found: list[Table], instrument: Instrument, data: Path) -> tuple[Table, Block]:
    """The table and the columns of the instrument's items."""
    fitting = [(named_by(instrument, b.text), t, b) for t in found
               for b in blocks(list(t.columns), t.labels, lambda text: {instrument.n_items})
               if b.n == instrument.n_items and not b.times]  # fmt: skip
    best = max((rank for rank, _, _ in fitting), default=0)
    chosen = [(t, b) for rank, t, b in fitting if rank == best]
    if len(chosen) != 1:
        several = f"{len(chosen)} sets" if chosen else "no set"
        what = f"{several} of {instrument.n_items} numbered columns for {instrument.id}"
        raise UserError(problem(what, f"name the columns {instrument.id}_1 to {instrument.id}_{instrument.n_items}",
                                Place(data.name)))  # fmt: skip
    return chosen[0]
