"""What the score stage leaves, on the example."""

import pandas as pd

from bowlby.instruments.score_tables import COLUMNS


def test_every_table_of_the_score_stage_keeps_its_columns(example):
    for name, columns in COLUMNS.items():
        table = pd.read_csv(example / f"results/example/{name}.csv")
        assert table.columns.tolist() == columns, name


def test_counts_list_deteriorated_and_suicidal_ideation_and_hide_small_cells(example):
    folder = example / "results/example"
    change, severity = pd.read_csv(folder / "change.csv"), pd.read_csv(folder / "severity.csv")
    deteriorated = change[change["class"].eq("deteriorated") & change["instrument"].eq("phq9")]
    assert set(deteriorated["method"]) == {"published", "jacobson_truax", "hageman_arrindell"}
    flags = severity[severity["name"].eq("suicidal_ideation")]
    assert flags["occasion"].tolist() == ["intake", "termination"]
    for table in (change, severity, pd.read_csv(folder / "styles.csv")):
        shown = table["count"].dropna()
        assert not shown.between(1, 4).any()


def test_therapists_have_styles_with_their_rule(example):
    styles = pd.read_csv(example / "results/example/styles.csv")
    therapists = styles[styles["role"].eq("therapist")]
    assert set(therapists["of"]) == {48}
    assert therapists["warning"].str.len().min() > 20
