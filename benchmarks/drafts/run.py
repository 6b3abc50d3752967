"""Draft layouts of study files and write what each column was taken for, for a scorer that knows the truth.

usage: run.py FOLDER [--out DRAFT.json] [--show]

The draft is read as its user reads it: the study file as text, with its marks.
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
from pathlib import Path

import yaml

from bowlby.config import Study
from bowlby.config.base import parse
from bowlby.config.guesses import MARK
from bowlby.config.study import COUNT, ROW, DataFile, Measure, Span
from bowlby.config.yamlfile import read_yaml
from bowlby.drafting import write_draft
from bowlby.ingest.issues import Issues
from bowlby.ingest.readers import Selection, read
from bowlby.ingest.readers.base import FORMAT_OF_ENDING, unique
from bowlby.ingest.readers.redcap_dictionary import read_dictionary
from bowlby.instruments.catalogue import load_instrument

KIND_OF_ROLE = {"therapist": "therapist_id"}


def drafted(folder: Path, work: Path) -> dict:
    """What the draft of a folder's files takes each column for."""
    files = sorted(p for p in folder.iterdir() if p.suffix.lower() in FORMAT_OF_ENDING)
    write_draft(files, work)
    text = (work / "study.yaml").read_text("utf-8")
    study = parse(read_yaml(work / "study.yaml"), Study)
    lines, nodes = text.splitlines(), _files(yaml.compose(text))
    out: dict[str, dict] = {}
    for file, node in zip(study.files, nodes, strict=True):
        path = work / file.path
        names = _names(path, file, work)
        key = path.name + (f"#{file.sheet}" if file.sheet else "")
        table = out.setdefault(key, {})
        columns = {n: f"@{i}" for i, n in enumerate(names, 1) if n}
        end = next((n.start_mark.line for n in nodes if n.start_mark.line > node.start_mark.line), len(lines))
        for name, said in _columns(file, node, lines, list(columns)):
            if name in columns:
                table.setdefault(columns[name], said)
        for name in _suggested(lines[node.start_mark.line : end], list(columns)):
            table.setdefault(columns[name], {"kind": "ignore", "marked": True})
        for line in lines[node.start_mark.line : end]:
            if (left := line.strip()).startswith(f"{MARK} not used"):
                for name in yaml.safe_load(re.search(r"\[.*\]", left).group()):
                    for column in _fitting(name, list(columns)):
                        table.setdefault(columns[column], {"kind": "ignore", "marked": True})
        first = file.header_row + file.header_rows + file.skip_rows
        table["__file__"] = {"header_row": file.header_row, "first_data_row": first}
    return out


def _suggested(lines: list[str], names: list[str]) -> list[str]:
    """The columns of measures that the draft only suggests, in a marked comment."""
    found = []
    for line in lines:
        if m := re.match(r"\s*# - (\{.*\})  " + re.escape(MARK), line):
            said = yaml.safe_load(m.group(1))
            items = said.get("items", [])
            if isinstance(items, dict):
                found += names[names.index(items["first"]) : names.index(items["last"]) + 1]
            for name in [*([items] if isinstance(items, str) else items), *said.get("scored", {}).values()]:
                found += _fitting(name, names)
    return [name for name in found if name in names]


def _fitting(pattern: str, names: list[str]) -> list[str]:
    """The columns that a name, or a pattern with {n} and {t}, gives."""
    parts = re.split(r"(\{n(?::0?\d+)?\}|\{t\})", pattern)
    whole = "".join(r"\d+" if p.startswith("{n") else ".*" if p == "{t}" else re.escape(p) for p in parts)
    return [name for name in names if re.fullmatch(whole, name)]


def _files(root: yaml.Node) -> list[yaml.Node]:
    return next(value for key, value in root.value if key.value == "files").value


def _names(path: Path, file: DataFile, work: Path) -> list[str]:
    issues = Issues()
    fields = read_dictionary(work / file.dictionary, issues) if file.dictionary else None
    raw = read(path, Selection(file, everything=True, limit=50, renamed=fields.named if fields else None), issues)
    return unique(raw.header)


def _columns(file: DataFile, node: yaml.Node, lines: list[str], names: list[str]):
    at = {key.value: (key, value) for key, value in node.value}

    def marked(key: str) -> bool:
        return key in at and MARK in lines[at[key][0].start_mark.line]

    who = file.who
    persons = who.person if isinstance(who.person, list) else [who.person]
    rules = [c for c, rule in file.rows.items() if rule.keep]
    for column in rules:
        yield column, {"kind": "role", "marked": marked("rows")}
    for column in persons:
        single = "patient_id" if len(persons) == 1 else "unit_id" if column == persons[0] else "role"
        kind = KIND_OF_ROLE.get(who.role, single)
        if column != ROW:
            yield column, {"kind": kind, "marked": marked("who")}
    if who.therapist:
        yield who.therapist, {"kind": "therapist_id", "marked": marked("who")}
    if who.site:
        yield who.site, {"kind": "site", "marked": marked("who")}
    if file.when and file.when.column:
        yield file.when.column, {"kind": "occasion", "marked": marked("when")}
    if file.session and file.session != COUNT:
        yield file.session, {"kind": "session", "marked": marked("session") or marked("when")}
    if file.date:
        yield file.date, {"kind": "date", "marked": marked("date")}
    for measure, item in zip(file.measures, at["measures"][1].value if "measures" in at else [], strict=True):
        mark = MARK in lines[item.start_mark.line]
        for said, column in _measure(measure, file, names):
            yield column, {**said, "marked": mark}
    covariates = {k.value: k for k, _ in at["covariates"][1].value} if "covariates" in at else {}
    for key, covariate in file.covariates.items():
        kind = "site" if key == "site" else "covariate"
        mark = MARK in lines[covariates[key].start_mark.line]
        yield covariate.column, {"kind": kind, "covariate": key, "marked": mark}
    for episode in file.episodes:
        yield episode.therapist, {"kind": "therapist_id", "marked": marked("episodes")}
        if episode.sessions:
            yield episode.sessions, {"kind": "covariate", "marked": marked("episodes")}


def _measure(measure: Measure, file: DataFile, names: list[str]):
    role, when = measure.role or file.who.role, measure.when or file.when
    said = {"instrument": measure.instrument, "role": role}
    if when is None or when.column or (file.session and measure.when is None):
        forms = [(measure, {**said, "occasion": "by_row" if when else None})]
    elif when.names:
        forms = [(measure.at(t, o), {**said, "occasion": o}) for t, o in when.names.items()]
    else:
        forms = [(measure, {**said, "occasion": when.occasion})]
    for form, base in forms:
        for scale, column in (form.scored or {}).items():
            yield {**base, "kind": "score", "scale": scale}, column
        items = form.items
        if isinstance(items, Span):
            items = names[names.index(items.first) : names.index(items.last) + 1]
        elif isinstance(items, str):
            items = [items.format(n=k) for k in range(1, load_instrument(measure.instrument).n_items + 1)]
        for number, column in enumerate(items or [], 1):
            yield {**base, "kind": "item", "item": number}, column


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, default=Path("draft.json"))
    parser.add_argument("--show", action="store_true", help="print the draft's study file")
    a = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        a.out.write_text(json.dumps(drafted(a.folder, Path(work)), ensure_ascii=False, indent=1), "utf-8")
        if a.show:
            print(Path(work, "study.yaml").read_text("utf-8"), Path(work, "config.yaml").read_text("utf-8"))


if __name__ == "__main__":
    main()
