"""Who deteriorated, and answers that tell of danger, are counted on every scale, and never told of single patients."""

import io

import pandas as pd
import pytest

from bowlby.files import write_csv, write_json
from bowlby.instruments.catalogue import load_instrument
from bowlby.instruments.score_tables import stack, summarise
from bowlby.instruments.scoring import given, score
from bowlby.report.sections.change import harm
from bowlby.results import Results


def rows(items, n, occasion):
    head = {"person": [f"p{i}" for i in range(n)], "role": "patient", "about": "self", "occasion": occasion}
    return pd.DataFrame(head | items).assign(session=pd.array([pd.NA] * n, dtype="Int64"))


def answered(worse, n=40):
    """PHQ-9 of 40 patients, some of whom answer the highest after treatment; item 9 of 12 before and 10 after."""
    phq = {f"i{k:02d}": [1 + (i + k) % 2 for i in range(n)] for k in range(1, 9)}
    before = rows(phq | {"i09": [int(i < 12) for i in range(n)]}, n, "intake")
    after = before.assign(occasion="end", i09=[int(2 <= i < 12) for i in range(n)])
    after.loc[: worse - 1, [f"i{k:02d}" for k in range(1, 9)]] = 3
    return pd.concat([before, after], ignore_index=True)


@pytest.fixture
def written(tmp_path):
    def write(shareable, *made):
        tables = [summarise(s, m, i, ("intake", "end"), shareable) for s, m, i in made]
        for name, table in stack(tables).items():
            write_csv(tmp_path / f"{name}.csv", table)
        write_json(tmp_path / "manifest.json", {"privacy": "shareable" if shareable else "internal", "config": {}})
        found = harm(Results(tmp_path))
        return None if found is None else pd.read_html(io.StringIO(str(found)), keep_default_na=False)[0]

    return write


def phq(worse):
    measures, instrument = answered(worse), load_instrument("phq9")
    return score(measures, instrument), measures, instrument


def count(table, text):
    found = table[table["Counted"].str.contains(text, regex=False)]
    return found[["n", "of"]].astype(str).to_numpy().tolist()


def test_all_of_them_are_counted(written):
    table = written(False, phq(7))
    assert count(table, "deteriorated, intake to end: Jacobson and Truax (this sample)") == [["7", "40"]]
    assert count(table, "suicidal ideation, intake")[0] == ["12", "40"]
    assert count(table, "suicidal ideation, end") == [["10", "40"]]
    assert count(table, "suicidal ideation, intake to end: new") == [["0", "40"]]
    assert count(table, "suicidal ideation, intake to end: resolved") == [["2", "40"]]


def test_small_counts_are_hidden_in_what_is_shared(written):
    table = written(True, phq(2))
    assert {n for n, _ in count(table, "deteriorated")} == {"hidden"}
    assert {n for n, _ in count(table, "intake to end: resolved")} == {"hidden"}


def test_given_scores_say_that_their_items_are_not_there(written):
    gad, scores = load_instrument("gad7"), rows({"total": [5.0] * 20 + [15.0] * 20}, 40, "intake")
    after = scores.assign(occasion="end", total=[17.0] * 9 + [5.0] * 31)
    made = given(pd.concat([scores, after], ignore_index=True), gad)
    table = written(False, (made, None, gad))
    assert count(table, "published points")[0] == ["9", "40"]
    both = phq(7)
    total = both[0][["person", "role", "about", "occasion", "session", "total"]]
    table = written(False, (given(total, both[2]), None, both[2]))
    assert set(count(table, "suicidal ideation, intake")[0]) == {"not available: scores given", "–"}


def test_nothing_where_no_scale_can_tell(written):
    ecr = load_instrument("ecr_s")
    answers = {f"i{k:02d}": [1 + (i * k) % 7 for i in range(40)] for k in range(1, 13)}
    data = rows(answers, 40, "intake")
    assert written(False, (score(data, ecr), data, ecr)) is None
