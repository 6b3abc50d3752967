"""A section of the page: the interface that every file in ``sections`` keeps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from markupsafe import Markup

from bowlby.results import Results


@dataclass(frozen=True)
class Section:
    """A part of the page.

    Attributes
    ----------
    id : str
        Its anchor.
    title : str
        Its heading, which the table of contents repeats.
    html : Markup
        What stands under the heading, escaped already.
    """

    id: str
    title: str
    html: Markup


Build = Callable[[Results], Section | None]


@cache
def templates():
    """The page's templates; everything put into them is escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("bowlby.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render(template: str, **values) -> Markup:
    """Fill a template."""
    return Markup(templates().get_template(template).render(**values))


def folded(title: str, html: Markup) -> Markup:
    """A part that opens when its title is chosen."""
    return Markup("<details><summary>{}</summary>{}</details>").format(title, html)
