"""The checklists: every item stands there once, and says only what the run knows."""

import re

import pytest

from bowlby import report
from bowlby.report.checklists import CHECKLISTS, filled
from bowlby.results import Results

JARS, STROBE = CHECKLISTS


def answers(checklist, folder) -> dict[str, str | None]:
    rows = filled(checklist, Results(folder))
    return {f"{r['part']}: {r['number']}" if checklist is JARS else r["number"]: r["says"] for r in rows}


def test_strobe_has_its_22_items_with_their_parts():
    parts = {"1": "ab", "6": "ab", "12": "abcde", "13": "abc", "14": "abc", "16": "abc"}
    expected = [f"{n}{p}" for n in range(1, 23) for p in parts.get(str(n), [""])]
    assert [item.number for item in STROBE.items] == expected


@pytest.mark.parametrize("checklist", CHECKLISTS, ids=["jars", "strobe"])
def test_items_stand_once_and_ask_for_something(checklist):
    keys = [(item.part, item.number) for item in checklist.items]
    assert len(keys) == len(set(keys))
    assert all(item.asks and (item.answer or not item.rest) for item in checklist.items)


def test_a_comparison_answers_what_it_knows(comparison_run):
    known = answers(STROBE, comparison_run())
    assert known["18"] == "A &lt;i&gt;finding&lt;/i&gt;.", "escaped, as everything that comes from a run"
    assert "100 patients, 2 therapists" in known["10"]
    assert "no rating (fewer than 5)" in known["13b"]
    assert "&lt;b&gt;age&lt;/b&gt;" in known["7"]
    assert known["12d"] == "Excluded because they had no outcome after treatment: 20."
    assert {n for n in ("2", "5", "6a", "14c", "20", "21", "22", "12e") if known[n] is not None} == set()


def test_a_growth_model_answers_nothing_of_a_comparison(growth_run):
    known = answers(STROBE, growth_run)
    assert {n for n in ("3", "9", "11", "12b", "18", "19") if known[n] is not None} == set()
    assert "occasions in patients in therapists" in known["4"] and "course" in known["16a"]
    multilevel = answers(JARS, growth_run)["Results: multilevel analysis: Models"]
    assert multilevel == (
        "Random: patient intercept, therapist intercept, residual. REML; degrees of freedom by Kenward-Roger."
    )


def test_the_page_folds_them_and_leaves_room_for_the_authors(comparison_run):
    page = report.build_report(comparison_run())
    part = page[page.index('<h2 id="checklists">') : page.index('<h2 id="not-computed">')]
    assert part.count('<details class="checklist">') == 2
    for checklist, text in zip(CHECKLISTS, part.split("<details")[1:], strict=True):
        assert text.count('<th scope="row">') == len(checklist.items)
        known = int(re.search(r": (\d+) of", text)[1])
        assert text.count("to be completed</i>") == len(checklist.items) - known > 5


def test_links_to_absent_sections_are_plain_words():
    page = '<h2 id="a">A</h2> <a href="#a">A</a> <a href="#b">B</a> <a class="skip" href="#b">C</a>'
    kept = '<h2 id="a">A</h2> <a href="#a">A</a> B <a class="skip" href="#b">C</a>'
    assert report.without_dead_links(page) == kept
