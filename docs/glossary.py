"""Write ``docs/glossary.md`` from the terms of the report (``make docs``)."""

from pathlib import Path

from bowlby.files import write_text
from bowlby.report.glossary import page

if __name__ == "__main__":
    write_text(Path(__file__).with_suffix(".md"), page())
