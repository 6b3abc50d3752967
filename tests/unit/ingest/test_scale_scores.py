"""Scores and categories that a file brings: sums or means, possible or not, and on which form."""

import numpy as np
import pytest

from bowlby.ingest import check, ingest

STUDY = """name: s
occasions: [pre]
files:
  - path: a.csv
    who: {person: id, therapist: th}
    when: {occasion: pre}
    measures: [{instrument: %s, scored: {%s: sum}%s}]
"""
CORRECT = "correct them, or list what means no answer under `missing:`"
SAY = "say `scored_as: mean` or `scored_as: sum` in the study file"


def file(values, head="sum"):
    rows = [f"p{i},T{i % 4},{v if isinstance(v, str) else format(v, '.10g')}" for i, v in enumerate(values)]
    return "\n".join([f"id,th,{head}", *rows]) + "\n"


def study(instrument="phq9", scale="total", keys=""):
    return STUDY % (instrument, scale, keys and f", {keys}")


def totals(n, seed=1):
    """PHQ-9 totals of which some are low, some high."""
    return np.random.default_rng(seed).integers(0, 28, n).astype(float)


def scores(made, text, values, name="phq9", scale="total"):
    table = ingest(made(text, a__csv=file(values))).measures[name]
    return table.set_index("person")[scale].reindex([f"p{i}" for i in range(len(values))])


def test_impossible_scores_are_missing_and_told_with_file_row_and_column(made):
    values = totals(1069)
    values[[4, 40]] = 999, -9
    loaded = made(study(), a__csv=file(values))
    found = check(loaded)
    assert found[["severity", "code", "file", "row", "column", "n"]].to_numpy().tolist() == [
        ["warning", "out_of_range", "a.csv", 6, "sum", 2]
    ]
    assert found["what"][0] == "2 times: score outside the scale's range 0 to 27 (rows 6, 42)"
    table = scores(made, study(), values)
    assert np.flatnonzero(table.isna()).tolist() == [4, 40]
    assert (table.dropna() == np.delete(values, [4, 40])).all()


def test_over_five_per_cent_of_impossible_scores_are_an_error(made, error_lines):
    values = totals(100)
    values[:5] = 99
    assert not check(made(study(), a__csv=file(values)))["severity"].eq("error").any()
    values[5] = 99
    assert error_lines(made(study(), a__csv=file(values))) == [
        f"error: a.csv:2:sum: 6 of 100 values (6.0%) of total are outside 0 to 27 (rows 2, 3, 4, 5, 6, 7); {CORRECT}"
    ]
    assert scores(made, study(keys="missing: ['99']"), values).isna().sum() == 6


def test_item_means_of_a_summed_scale_are_an_error_until_the_study_file_says_which(made, error_lines):
    means = totals(40) / 9
    assert error_lines(made(study(), a__csv=file(means))) == [
        f"error: a.csv:1:sum: no value of total is above 3, the highest answer to one item: sums or item means?; {SAY}"
    ]
    as_means = scores(made, study(keys="scored_as: mean"), means)
    np.testing.assert_allclose(as_means, totals(40), atol=1e-8)
    as_sums = scores(made, study(keys="scored_as: sum"), means)
    np.testing.assert_allclose(as_sums, means, atol=1e-9)


def test_codes_for_missing_do_not_hide_item_means(made, error_lines):
    (line,) = error_lines(made(study(), a__csv=file([*totals(40) / 9, 999])))
    assert "sums or item means?" in line


@pytest.mark.parametrize("name, scale, low", [("k10", "total", 10), ("ecr_s", "anxiety", 6)])
def test_item_means_where_a_sum_cannot_be_so_low(made, error_lines, name, scale, low):
    values = np.linspace(1, 5, 30)
    (line,) = error_lines(made(study(name, scale), a__csv=file(values)))
    assert "sums or item means?" in line
    found = scores(made, study(name, scale, "scored_as: mean"), values, name, scale)
    np.testing.assert_allclose(found, values * low, atol=1e-8)


def test_sums_and_item_means_in_one_column_are_an_error(made, error_lines):
    values = [*totals(40) / 9, *totals(40, seed=2)]
    assert error_lines(made(study(), a__csv=file(values))) == [
        "error: a.csv:1:sum: some values of total up to 3 have decimals, like item means, while others look like sums; "
        "give all as sums or all as item means; if all are sums already, say `scored_as: sum`"
    ]


def test_prorated_sums_and_a_few_low_ones_are_no_item_means(made):
    values = totals(60)
    values[:6] = np.array([8, 9, 16, 20, 5, 1]) * 9 / 8
    assert len(check(made(study(), a__csv=file(values)))) == 0


def test_sums_of_an_averaged_scale_are_an_error_until_they_are_called_so(made, error_lines):
    sums = np.random.default_rng(1).integers(18, 127, 30)
    assert error_lines(made(study("ecr", "anxiety"), a__csv=file(sums))) == [
        f"error: a.csv:1:sum: most values of anxiety are above 7, the highest item mean: sums?; {SAY}"
    ]
    found = scores(made, study("ecr", "anxiety", "scored_as: sum"), sums, "ecr", "anxiety")
    np.testing.assert_allclose(found, sums / 18)
    assert len(check(made(study("ecr", "anxiety"), a__csv=file(sums / 18)))) == 0


def test_whole_numbers_in_an_averaged_scale_that_a_sum_can_be_too(made, error_lines):
    (line,) = error_lines(made(study("core_om", "risk"), a__csv=file([0, 0, 1, 3, 2, 0])))
    assert line.endswith(f"all values of risk are whole numbers from 0 to 4: sums or item means?; {SAY}")


def test_each_scale_can_be_said_apart(made, error_lines):
    text = study("ecr_s", "anxiety", "scored_as: {anxiety: mean}").replace("sum}", "anx, avoidance: avo}")
    data = "id,th,anx,avo\n" + "".join(f"p{i},T{i % 3},{1 + i % 7},{6 + i}\n" for i in range(20))
    table = ingest(made(text, a__csv=data)).measures["ecr_s"].set_index("person")
    assert table.loc["p3", ["anxiety", "avoidance"]].tolist() == [24, 9]
    wrong = text.replace("{anxiety: mean}", "{closeness: mean}")
    with pytest.raises(Exception, match="scored_as names closeness, which `scored` does not; use its scales"):
        made(wrong, a__csv=data)


def test_two_files_with_other_kinds_of_score_are_one_scale(made):
    text = study() + STUDY.partition("files:\n")[2].replace("a.csv", "b.csv") % ("phq9", "total", ", scored_as: mean")
    result = ingest(made(text, a__csv=file(totals(30)), b__csv=file(totals(30, 2) / 9).replace("p", "q")))
    table = result.measures["phq9"].set_index("person")["total"]
    np.testing.assert_allclose(table.reindex([f"q{i}" for i in range(30)]), totals(30, 2), atol=1e-8)
    assert table["p0"] == totals(30)[0]


def test_totals_of_a_form_that_counts_from_one(made, error_lines):
    values = totals(40) + 9
    assert values.max() > 27
    assert error_lines(made(study(), a__csv=file(values))) == [
        "error: a.csv:1:sum: all values of total are from 9 to 36, the scale's from 0 to 27; give the form's "
        "`response:`: [1, 4] if it counts so, [0, 3] if not"
    ]
    np.testing.assert_allclose(scores(made, study(keys="response: [1, 4]"), values), totals(40))
    means = scores(made, study(keys="response: [1, 4], scored_as: mean"), values / 9)
    np.testing.assert_allclose(means, totals(40), atol=1e-8)


def test_severe_patients_are_no_other_form(made):
    assert len(check(made(study(), a__csv=file(np.maximum(totals(60), 12))))) == 0


def test_scores_of_a_form_with_other_categories(made):
    """The ECR-S on 1 to 5: sums run from 6 to 30."""
    text = study("ecr_s", "anxiety", "response: [1, 5]")
    values = [*range(6, 31), 31, *range(10, 30)]
    assert check(made(text, a__csv=file(values)))["what"].tolist() == ["score outside the scale's range 6 to 30"]


def test_totals_beside_items_are_cleaned_and_never_an_error(made):
    head = "id,th," + ",".join(f"q{n}" for n in range(1, 10)) + ",sum\n"
    rows = [f"p{i},T{i % 3},{','.join(str((i + k) % 4) for k in range(9))},{99 if i < 9 else 12}\n" for i in range(10)]
    rows.append("p10,T1" + "," * 9 + ",0\n")
    text = study().replace("scored", 'items: "q{n}", scored')
    result = ingest(made(text, a__csv=head + "".join(rows)))
    assert result.measures["phq9"].set_index("person")["total"].drop("p9").isna().all()
    assert result.issues[["severity", "code", "n"]].to_numpy().tolist() == [["warning", "out_of_range", 9]]


CODED = STUDY.replace("scored: {%s: sum}%s", "coded: sum")


def test_unknown_categories_are_missing_and_told_and_many_an_error(made, error_lines):
    codes = ["F", "Ds1", "E", "U/E"] * 10
    loaded = made(CODED % "aai", a__csv=file([*codes[:38], "Q", "F"]))
    found = check(loaded)
    assert found[["severity", "row", "what"]].to_numpy().tolist() == [
        ["warning", 40, "category that the instrument does not have (F, Ds, E, U, CC)"]
    ]
    assert ingest(loaded).measures["aai"]["code"].isna().sum() == 1
    assert error_lines(made(CODED % "aai", a__csv=file([*codes, "Q", "1", "2"]))) == [
        "error: a.csv:42:sum: 3 of 43 values (7.0%) are none of the instrument's categories (F, Ds, E, U, CC; "
        "rows 42, 43, 44); " + CORRECT
    ]


def test_items_with_a_range_of_their_own(made):
    """5 is an answer to item 1 of the DAS-32, and none to item 29, which has two; 6 is one to item 31 only."""
    study = "name: s\noccasions: [t]\nfiles:\n  - path: a.csv\n    who: {person: id}\n    when: {occasion: t}\n"
    study += "    measures: [{instrument: das32, items: 'd{n}'}]\n"
    best = [5] * 22 + [4, 4, 5, 5, 5, 5, 1, 1, 6, 5]
    rows = [best[:], best[:], best[:]]
    rows[0][28], rows[1][0] = 5, 6
    head = ",".join(["id", *(f"d{n}" for n in range(1, 33))])
    text = "\n".join([head, *(f"p{i}," + ",".join(map(str, row)) for i, row in enumerate(rows))]) + "\n"
    result = ingest(made(study, a__csv=text))
    assert sorted(result.issues.query("code == 'out_of_range'")["column"]) == ["d1", "d29"]
    table = result.measures["das32"]
    assert table["i29"].isna().tolist() == [True, False, False] and (table["i31"] == 6).all()
