"""What a run says in a few lines: its results, warnings, and what was not computed."""

from __future__ import annotations

import textwrap

from bowlby.errors import count
from bowlby.instruments.audit_words import alarms
from bowlby.report.not_computed import not_computed
from bowlby.report.sections.course import mean_change
from bowlby.results import Results
from bowlby.tables.words import typeset

WIDTH = 100
RECORDS = ("verdict", "pair", "session_to_session", "growth")
FURTHER = {
    "mediation": "mediation",
    "moderation": "moderation (exploratory)",
    "clinical_change": "clinical change",
    "style_transitions": "change of attachment style",
    "suicidal_ideation": "suicidal ideation",
}
"""Records whose results are in the report alone: file, and what it is called."""


def summary(results: Results) -> list[str]:
    """Lines on the results of the main analyses, on doubtful directions and keys, and on what was not computed."""
    records = [results.json(f"{name}.json") for name in RECORDS]
    records += (results.json("response_surface.json") or {}).get("surfaces", [])
    sentences = [typeset(record["sentence"]) for record in records if record]
    if change := mean_change(results):
        sentences.append(change)
    if further := [name for file, name in FURTHER.items() if results.json(f"{file}.json")]:
        sentences.append(f"Also in the report: {', '.join(further)}.")
    lines = [f"warning: {line}" for line in results.manifest.get("contrary_directions", [])]
    lines += [line for sentence in sentences for line in textwrap.wrap(sentence, WIDTH)]
    audit = results.text_table("keying_audit.csv")
    if audit is not None:
        lines += [f"warning: {line}" for line in alarms(audit)]
    if missing := not_computed(results):
        lines.append(f"not computed: {count(len(missing), 'requested result')}; reasons: report.html#not-computed")
    return lines
