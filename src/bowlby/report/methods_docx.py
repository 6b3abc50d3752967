"""The methods text as a Word document."""

from __future__ import annotations

import re
from pathlib import Path

from bowlby.tables.layout import A4, save_undated


def write_docx(path: Path, markdown: str) -> None:
    """Headings, paragraphs and lists of a Markdown text as a Word document whose bytes depend on the text alone.

    Parameters
    ----------
    path : Path
    markdown : str
        ``#`` headings, paragraphs apart by empty lines, lists of lines that begin with ``- ``.
    """
    from docx import Document
    from docx.shared import Cm, Pt, RGBColor

    document = Document()
    document.core_properties.author = "bowlby"
    document.sections[0].page_width, document.sections[0].page_height = map(Cm, A4)
    for name, size in (("Normal", 12), ("Heading 1", 16), ("Heading 2", 13)):
        font = document.styles[name].font
        font.element.get_or_add_rPr().get_or_add_rFonts().attrib.clear()  # a theme's fonts would have precedence
        font.name, font.size, font.color.rgb = "Times New Roman", Pt(size), RGBColor(0, 0, 0)
    for block in markdown.strip().split("\n\n"):
        if heading := re.match(r"(#+) (.*)", block):
            document.add_heading(heading[2], len(heading[1]))
        elif block.startswith("- "):
            for line in block.splitlines():
                hanging = document.add_paragraph(line.removeprefix("- ")).paragraph_format
                hanging.left_indent, hanging.first_line_indent = Pt(36), Pt(-36)
        else:
            document.add_paragraph(block.replace("\n", " "))
    save_undated(document, path)
