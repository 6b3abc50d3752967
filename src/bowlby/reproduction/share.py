"""``bowlby share``: an archive of a run without any patient's data, described for machines and readers."""

from __future__ import annotations

import hashlib
import io
import re
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import pandas as pd
import yaml

from bowlby import __version__
from bowlby.dictionary import Column, ColumnType, Table, package
from bowlby.errors import UserError, problem
from bowlby.files import atomic, to_json
from bowlby.report.methods_docx import write_docx
from bowlby.reproduction.checksums import require_unchanged
from bowlby.reproduction.documents import bibtex
from bowlby.results import Results
from bowlby.tables.layout import EPOCH

SHARED = (
    "report.html", "summary.txt", "methods.md", "verdict.json", "comparison.json", "pair.json", "domains.json",
    "adequacy.json", "growth.json", "session_to_session.json", "mediation.json", "moderation.json",
    "clinical_change.json", "response_surface.json", "style_transitions.json", "suicidal_ideation.json",
    "robustness.json", "estimands/*.json", "tables/*", "figures/*", "figures/data/*", "issues.csv", "reliability.csv",
    "keying_audit.csv", "severity.csv", "styles.csv", "change.csv", "dictionary.csv", "scores/dictionary.csv",
    "analysis/*.columns.csv", "manifest.json", "config.yaml", "reproduce.R", "reproduce.py",
)  # fmt: skip
"""What docs/outputs.md lists as free of patients' data."""
CONTEXT = "https://w3id.org/ro/crate/1.1/context"
MEDIA = {".html": "text/html", ".txt": "text/plain", ".md": "text/markdown", ".json": "application/json",
         ".csv": "text/csv", ".svg": "image/svg+xml", ".pdf": "application/pdf", ".png": "image/png",
         ".yaml": "application/yaml", ".R": "text/x-r", ".py": "text/x-python", ".bib": "application/x-bibtex",
         ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document"}  # fmt: skip
READABLE = (".html", ".txt", ".md", ".json", ".csv", ".yaml", ".R", ".py", ".bib")
TYPES: dict[str, ColumnType] = {"i": "integer", "u": "integer", "f": "number", "b": "boolean"}


def share(run: Results, path: Path, licence: str | None = None) -> list[str]:
    """Write the archive.

    Parameters
    ----------
    run : Results
    path : Path
        The zip file; must not be there.
    licence : str, optional
        SPDX identifier, such as ``CC-BY-4.0``.

    Returns
    -------
    list of str
        Files in it.

    Raises
    ------
    UserError
        If the run was not made with ``privacy: shareable``, an id of a person is in a file, the archive exists,
        or files of the run were altered since.
    """
    if not run.shareable:
        what = f"{run.folder} was made with `privacy: {run.manifest.get('privacy')}` and may show single persons"
        raise UserError(problem(what, "run again with `privacy: shareable`, into another folder"))
    if path.exists():
        raise UserError(problem(f"{path} is there already", "name another file by --output"))
    if licence is not None and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.+-]*", licence):
        raise UserError(problem(f"{licence!r} is no SPDX id of a licence", "give one such as CC-BY-4.0"))
    require_unchanged(run.folder)
    content = contents(run)
    if named := _with_ids(run, content):
        raise UserError([problem(f"{name} holds an id of a patient or therapist", "leave ids out of titles and labels")
                         for name in named])  # fmt: skip
    content |= described(run, content, licence)
    lines = [f"{hashlib.sha256(data).hexdigest()}  {name}" for name, data in sorted(content.items())]
    content["checksums.txt"] = ("\n".join(lines) + "\n").encode()
    root = f"{run.folder.resolve().name}/"

    def write(target: Path) -> None:
        with ZipFile(target, "w", ZIP_DEFLATED) as archive:
            for name in sorted(content):
                archive.writestr(ZipInfo(root + name, EPOCH), content[name], ZIP_DEFLATED)

    atomic(path, write)
    return sorted(content)


def contents(run: Results) -> dict[str, bytes]:
    """The run's files that may be shared, and its methods and references in further formats."""
    from tempfile import TemporaryDirectory

    from bowlby.report.methods import references

    paths = {path for pattern in SHARED for path in run.folder.glob(pattern) if path.is_file()}
    content = {path.relative_to(run.folder).as_posix(): path.read_bytes() for path in paths}
    if "methods.md" in content:
        with TemporaryDirectory() as folder:
            write_docx(Path(folder) / "methods.docx", content["methods.md"].decode())
            content["methods.docx"] = (Path(folder) / "methods.docx").read_bytes()
        content["references.bib"] = bibtex(references(run)).encode()
    return content


def described(run: Results, content: dict[str, bytes], licence: str | None) -> dict[str, bytes]:
    """README, Frictionless data package and RO-Crate metadata of some files."""
    tables = [_table(name, data) for name, data in sorted(content.items()) if name.endswith(".csv")]
    frictionless = package(run.folder.resolve().name, run.title, tables)
    if licence:
        frictionless["licenses"] = [{"name": licence, "path": f"https://spdx.org/licenses/{licence}.html"}]
    made = {"README.md": _readme(run, licence), "datapackage.json": to_json(frictionless)}
    files = {name: text.encode() for name, text in made.items()}
    return files | {"ro-crate-metadata.json": to_json(crate(run, content | files, licence)).encode()}


def crate(run: Results, content: dict[str, bytes], licence: str | None) -> dict:
    """RO-Crate 1.1 metadata: the files, the program that made them, and what it was run on."""
    parts = [
        {"@id": name, "@type": "File", "encodingFormat": MEDIA.get(Path(name).suffix, "application/octet-stream"),
         "contentSize": str(len(data)), "sha256": hashlib.sha256(data).hexdigest()}
        for name, data in sorted(content.items())
    ]  # fmt: skip
    refer = [{"@id": part["@id"]} for part in parts]
    root: dict[str, Any] = {"@id": "./", "@type": "Dataset", "name": run.title,
                            "datePublished": str(run.manifest.get("written"))[:10],
                            "description": "Results of a bowlby run, without data of patients.",
                            "hasPart": refer}  # fmt: skip
    if licence:
        root["license"] = {"@id": f"https://spdx.org/licenses/{licence}"}
    raw, closed = run.manifest.get("inputs") or {}, {"@type": "CreativeWork", "conditionsOfAccess": "closed"}
    inputs = [{**closed, "@id": f"#{name}", "name": name, "sha256": digest} for name, digest in raw.items()]
    version = (run.manifest.get("versions") or {}).get("bowlby", __version__)
    return {
        "@context": CONTEXT,
        "@graph": [
            {"@id": "ro-crate-metadata.json", "@type": "CreativeWork", "about": {"@id": "./"},
             "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"}},
            root,
            *parts,
            *inputs,
            {"@id": "#bowlby", "@type": "SoftwareApplication", "name": "bowlby", "softwareVersion": version},
            {"@id": "#run", "@type": "CreateAction", "instrument": {"@id": "#bowlby"},
             "object": [{"@id": one["@id"]} for one in inputs], "result": refer,
             "endTime": run.manifest.get("written")},
        ],
    }  # fmt: skip


@cache
def descriptions() -> dict[str, str]:
    """What columns are, by name or ``file#name``."""
    return yaml.safe_load(resources.files("bowlby.reproduction").joinpath("templates/columns.yaml").read_text("utf-8"))


def _table(name: str, data: bytes) -> Table:
    """A CSV file with a description of every column."""
    frame, known = pd.read_csv(io.BytesIO(data)), descriptions()
    columns = [
        Column(column, TYPES.get(frame[column].dtype.kind, "string") if frame[column].notna().any() else "string",
               known.get(f"{name}#{column}") or known.get(column) or f"{column.replace('_', ' ')}")
        for column in frame
    ]  # fmt: skip
    what = f"Data of the figure {Path(name).stem}." if name.startswith("figures/data/") else f"Table {Path(name).stem}."
    return Table(re.sub(r"\W+", "-", name.removesuffix(".csv")), name, what, columns)


def _with_ids(run: Results, content: dict[str, bytes]) -> list[str]:
    """Text files in which an id of a patient or therapist stands as a word; only ids with letters and digits count."""
    ids = set()
    for role in ("patient", "therapist"):
        people = run.table(f"people/{role}s.parquet")
        names = [] if people is None else people[role].dropna().astype(str)
        ids |= {name for name in names if re.fullmatch(r"(?=.*\d)(?=.*[^\W\d])[\w-]{3,}", name)}
    text = {name: data for name, data in content.items() if Path(name).suffix in READABLE}
    return sorted(name for name, data in text.items() if ids & set(re.findall(r"[\w-]+", _words(name, data))))


def _words(name: str, data: bytes) -> str:
    """What a reader sees of a file: of a page the text without drawings, styles and programs."""
    text = data.decode("utf-8", "replace")
    return re.sub(r"<(script|style|svg)\b.*?</\1>|<[^>]*>", " ", text, flags=re.S) if name.endswith(".html") else text


def _readme(run: Results, licence: str | None) -> str:
    from jinja2 import Environment, PackageLoader

    manifest = run.manifest
    version = (manifest.get("versions") or {}).get("bowlby", __version__)
    template = Environment(loader=PackageLoader("bowlby.reproduction"), keep_trailing_newline=True, autoescape=False)
    return template.get_template("README.md.jinja").render(
        title=run.title, synthetic=run.synthetic, version=version, commit=(manifest.get("git") or {}).get("commit"),
        licence=licence,
    )  # fmt: skip
