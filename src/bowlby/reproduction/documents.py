"""References as BibTeX."""

from __future__ import annotations

import re
from collections.abc import Sequence

AUTHOR = r"[^,()]+, (?:[^\W\d_]\.[ -]?)+"
APA = re.compile(
    r"(?P<authors>.+?) \((?P<year>\d{4})\)\. (?P<title>.+?[.?])"
    r" (?P<journal>[^.]+), (?P<volume>\d+)(?:\((?P<number>\d+)\))?, (?P<pages>[\d-]+)\."
)
SHORT = re.compile(
    r"(?P<authors>.+?) \((?P<year>\d{4})\) (?P<journal>\D+?) (?P<volume>\d+)(?:\((?P<number>\d+)\))?:(?P<pages>[\w-]+)"
)
DOI = re.compile(r"(?:doi:|doi\.org/)\s*(10\.\S+?)[.,;)]*(?=\s|$)")
SPECIAL = str.maketrans({c: f"\\{c}" for c in "&%$#_{}"})


def bibtex(works: Sequence[str]) -> str:
    """References in APA style, or as instrument files cite their sources, as BibTeX.

    Parameters
    ----------
    works : sequence of str
        A reference each.

    Returns
    -------
    str
        One entry a work; ``@misc`` with the whole reference as note where its parts cannot be told apart.

    Examples
    --------
    >>> print(bibtex(["Efron, B. (1987). Better bootstrap confidence intervals. J Am Stat Assoc, 82, 171-185."]))
    @article{efron1987,
      author = {Efron, B.},
      year = {1987},
      title = {{Better bootstrap confidence intervals}},
      journal = {J Am Stat Assoc},
      volume = {82},
      pages = {171--185}
    }
    <BLANKLINE>
    """
    entries: list[str] = []
    keys: set[str] = set()
    for work in works:
        found = APA.match(work) or SHORT.match(work)
        parts = found.groupdict() if found else {}
        key = stem = re.sub(r"\W", "", (re.match(r"\w[\w-]*", work) or ["work"])[0]).lower() + parts.get("year", "")
        while key in keys:
            key = f"{stem}{chr(ord('a') + sum(k.startswith(stem) for k in keys))}"
        keys.add(key)
        fields = _fields(work, parts)
        lines = ",\n".join(f"  {name} = {{{value}}}" for name, value in fields.items())
        entries.append(f"@{'article' if found else 'misc'}{{{key},\n{lines}\n}}\n")
    return "\n".join(entries)


def _fields(work: str, parts: dict[str, str | None]) -> dict[str, str]:
    """Fields of an entry that the reference has."""
    texts = {name: value.translate(SPECIAL) for name, value in parts.items() if value}
    if not texts:
        texts = {"note": work.translate(SPECIAL)}
    if "authors" in texts:
        texts = {"author": _authors(texts.pop("authors"))} | texts
    if "title" in texts:
        texts["title"] = f"{{{texts['title'].rstrip('.')}}}"
    if "pages" in texts:
        texts["pages"] = texts["pages"].replace("-", "--")
    doi = DOI.search(work)
    return texts | ({"doi": doi[1]} if doi else {})


def _authors(text: str) -> str:
    """Authors joined by ``and``."""
    text = text.replace(", et al.", ", & others").replace("\\&", "&")
    names = re.findall(AUTHOR, text) if re.search(AUTHOR, text) else re.split(r", | & ", text)
    names = [name.strip(" ,&") for name in names]
    return " and ".join([*names, *(["others"] if text.endswith("others") else [])])
