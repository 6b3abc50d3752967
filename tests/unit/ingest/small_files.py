"""A small study in files that are easily broken."""

import io
import zipfile

import openpyxl
import pandas as pd

HEAD = "id,th," + ",".join(f"g{n}" for n in range(1, 8))
GOOD = HEAD + "\n1,A,1,1,1,1,1,1,1\n2,B,2,2,2,2,2,2,2\n"
STUDY = """name: s
occasions: [pre]
files:
  - path: %s
    who: {person: id, therapist: th}
    when: {occasion: pre}%s
    measures: [{instrument: gad7, items: "g{n}"}]
"""
SHEET = "xl/worksheets/sheet1.xml"


def study(path, keys=""):
    return STUDY % (path, f"\n    {keys}" if keys else "")


def frame():
    return pd.read_csv(io.StringIO(GOOD))


def book(rows=None, **sheets):
    out = io.BytesIO()
    made = openpyxl.Workbook()
    for row in rows or [HEAD.split(","), [1, "A", *[1] * 7], [2, "B", *[2] * 7]]:
        made.active.append(row)
    for name, content in sheets.items():
        sheet = made.create_sheet(name)
        for row in content:
            sheet.append(row)
    made.save(out)
    return out.getvalue()


def rezipped(data, change):
    """A workbook with one of its parts changed, or left out where the change gives None."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if (part := change(name, old.read(name))) is not None:
                new.writestr(name, part)
    return out.getvalue()
