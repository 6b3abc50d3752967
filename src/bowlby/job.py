"""What a workflow script needs: its log, and errors said to the reader. Does not import Snakemake."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bowlby.errors import UserError


@contextmanager
def job(snakemake) -> Iterator[logging.Logger]:
    """Run a job's work with everything it says in its ``log:`` file.

    A :class:`UserError` becomes its lines in the log and exit status 1; any other exception keeps its traceback,
    in the log too.
    """
    path = Path(snakemake.log[0])
    path.parent.mkdir(parents=True, exist_ok=True)
    logger = logging.getLogger("bowlby")
    handler = logging.FileHandler(path, mode="w", encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    logging.captureWarnings(True)
    os.environ.setdefault("MPLBACKEND", "Agg")
    try:
        yield logger
        logger.info("done")
    except UserError as error:
        handler.close()
        with path.open("a", encoding="utf-8") as log:
            log.write("\n".join(error.lines()) + "\n")
        sys.exit(1)
    except Exception:
        logger.exception("this is a fault of bowlby, not of your data; please report it with this log")
        sys.exit(1)
    finally:
        root.removeHandler(handler)
        handler.close()
