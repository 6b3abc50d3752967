"""Words for persons and those they belong to, if they are not patients of therapists."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import Field

from bowlby.config.base import Model

Noun = Annotated[str, Field(pattern=r"^[^\W\d_]+(?:[ '-][^\W\d_]+)*$", max_length=30)]
NOUN = r"(?:\b(?P<article>[Aa]n?) )?\b(?P<noun>[Pp]atient|[Tt]herapist)(?P<many>s?)\b"
TAG = re.compile(r"(<(?:style|code|pre)\b.*?</(?:style|code|pre)>|<[^>]*>)", re.DOTALL)
SPOKEN = re.compile(r'(\b(?:aria-label|alt|title)=")([^"]*)(")')


class Words(Model):
    """Words of the report for the persons and their groups, if they are not patients and therapists."""

    patient: tuple[Noun, Noun] = ("patient", "patients")
    """Word for the persons, singular and plural: `[child, children]`."""
    therapist: tuple[Noun, Noun] = ("therapist", "therapists")
    """Word for the groups, singular and plural: `[class, classes]`."""


@dataclass(frozen=True)
class Wording:
    """Puts a run's own words in the place of "patient" and "therapist".

    Attributes
    ----------
    words : dict
        ``patient`` and ``therapist``, each one and several; empty for the usual words.
    kept : tuple of str
        Names that stay as they are, such as a questionnaire's.
    """

    words: dict[str, list[str]] = field(default_factory=dict)
    kept: tuple[str, ...] = ()

    @classmethod
    def of(cls, config: dict, kept: Iterable[str] = ()) -> Wording:
        """The wording of a run, from its configuration as run."""
        return cls(config.get("words") or {}, tuple(sorted({k for k in kept if k}, key=len, reverse=True)))

    def __call__(self, text: str) -> str:
        """A text in the run's words.

        Examples
        --------
        >>> said = Wording({"patient": ["adult", "adults"], "therapist": ["class", "classes"]}, ("Patient Form",))
        >>> said("A patient of therapist 2; Patients' means, the therapist's own; the Patient Form")
        "An adult of class 2; Adults' means, the class's own; the Patient Form"
        """
        return self._put(text, self.kept) if self.words else text

    def page(self, text: str) -> str:
        """The same in a page of HTML: what is read or read out, not styles, code, or the names of its parts."""
        if not self.words:
            return text
        kept = tuple(html.escape(name) for name in self.kept)
        pieces = TAG.split(text)
        for i, piece in enumerate(pieces):
            if i % 2 == 0:
                pieces[i] = self._put(piece, kept)
            else:
                pieces[i] = SPOKEN.sub(lambda m: m[1] + self._put(m[2], kept) + m[3], piece)
        return "".join(pieces)

    def _put(self, text: str, kept: tuple[str, ...]) -> str:
        names = "|".join(map(re.escape, kept))
        pattern = f"(?P<kept>{names})|{NOUN}" if names else NOUN
        return re.sub(pattern, lambda match: self._word(match.groupdict()) or match[0], text)

    def _word(self, match: dict) -> str | None:
        """The new word for a match, with its article and its capital; None for a name that is kept."""
        if match.get("kept"):
            return None
        noun, article = match["noun"], match["article"]
        word = self.words.get(noun.lower(), [noun.lower(), f"{noun.lower()}s"])[bool(match["many"])]
        if noun[0].isupper():
            word = word[0].upper() + word[1:]
        if not article:
            return word
        return f"{article[0]}{'n' if word[0].lower() in 'aeiou' else ''} {word}"
