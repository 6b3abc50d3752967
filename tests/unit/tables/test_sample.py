"""The description of the sample, against counts and moments by hand."""

import numpy as np
import pandas as pd

from bowlby.files import write_json, write_parquet
from bowlby.results import Results
from bowlby.tables.sample import sample_sheet, sample_table


def study(folder, privacy: str = "shareable") -> Results:
    """Twenty patients, the last not analysed, of two therapists."""
    ids, therapist = [f"p{k:02}" for k in range(20)], ["a"] * 12 + ["b"] * 8
    patients = pd.DataFrame({"patient": ids, "therapist": therapist, "age": [*np.arange(20.0, 39.0), 99.0]})
    patients["gender"] = ["f"] * 9 + ["m"] * 6 + ["x"] * 2 + [None] * 3
    write_parquet(folder / "people/patients.parquet", patients)
    write_parquet(folder / "people/therapists.parquet", pd.DataFrame({"therapist": ["a", "b"], "years": [3.0, 5.0]}))
    sessions = pd.DataFrame({"patient": [*ids, "p00"], "therapist": [*therapist, "b"], "sessions": [10.0] * 21})
    write_parquet(folder / "people/episodes.parquet", sessions)
    write_parquet(folder / "analysis/primary.parquet", patients[["patient", "therapist"]].iloc[:19])
    write_json(folder / "manifest.json", {"privacy": privacy})
    return Results(folder)


def test_sample_by_hand_with_small_categories_pooled(tmp_path):
    table = sample_table(study(tmp_path)).set_index(["who", "variable", "category"])
    assert table.loc[("patient", "", ""), "n"] == 19
    age = table.loc[("patient", "age", "")]
    assert age["mean"] == 29.0 and np.isclose(age["sd"], np.sqrt(19 * 20 / 12))
    gender = table.loc[("patient", "gender")]
    assert gender["n"].to_dict() == {"f": 9, "other (3 categories)": 10}, "two small ones hold four: one more is pooled"
    assert np.isclose(gender.loc["f", "percent"], 900 / 19)
    assert np.isclose(table.loc[("patient", "sessions", ""), "mean"], 200 / 19), "both therapists of p00 count"
    assert set(table.loc["therapist"].index.get_level_values(0)) == {""}, "nothing is said of two therapists"
    (_, rows), _ = sample_sheet("Table 2", table.reset_index()).parts
    assert rows[1] == ["Age", "19", "", "29.0", "5.6"]
    assert rows[3] == ["Gender: other (3 categories)", "10", "52.6", "", ""]


def test_internal_results_show_every_category(tmp_path):
    table = sample_table(study(tmp_path, "internal"))
    assert {"x": 2, "not recorded": 2}.items() <= table.set_index("category")["n"].to_dict().items()
    assert table[table["who"].eq("therapist") & table["variable"].eq("patients")]["mean"].tolist() == [9.5]
