"""``bowlby config-docs``: write the schemas and config/README.md from the models."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def config_docs(folder: Annotated[Path, typer.Argument(help="The config folder.")] = Path("config")) -> None:
    """Write what is generated from the configuration models."""
    from bowlby.config.docs import generated
    from bowlby.files import write_text
    from bowlby.instruments.model import Instrument

    for name, text in generated(Instrument).items():
        write_text(folder / name, text)
