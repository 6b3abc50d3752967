"""Means of this study stand beside the published ones, and what was not seen in a document is marked."""

import io

import pandas as pd

from bowlby.files import write_json
from bowlby.report.sections.questionnaires import _means
from bowlby.results import Results


def test_means_beside_published_ones(tmp_path):
    write_json(tmp_path / "manifest.json", {"privacy": "shareable", "config": {}})
    table = pd.DataFrame(
        [
            ("phq9", "total", None, "patient", "intake", "mean", 554.0, 15.29, 5.77, None, None),
            ("phq9", "total", None, "patient", "intake", "bin", 11.0, None, None, None, None),
            ("phq9", "total", None, None, None, "norm", None, 15.4, 5.5, "clinical", "verified-1"),
            ("phq9", "total", None, None, None, "norm", None, 3.15, 3.85, "community", "unverified"),
        ],
        columns=["instrument", "scale", "about", "role", "occasion", "kind", "n", "mean", "sd", "name", "sure"],
    )
    html = str(_means(Results(tmp_path), table))
    (found,) = pd.read_html(io.StringIO(html), keep_default_na=False)
    assert found.astype(str).iloc[1:].to_numpy().tolist() == [
        ["patient, intake", "554", "15.3", "5.8"],
        ["published: clinical", "–", "15.4", "5.5"],
        ["published: community *", "–", "3.1", "3.9"],
    ]
    assert "* Not verified against the original publication." in html


def test_means_name_whom_they_are_about_where_there_are_several(tmp_path):
    write_json(tmp_path / "manifest.json", {"privacy": "shareable", "config": {}, "inputs": {"ecr.yaml": {}}})
    head = {"instrument": "ecr", "scale": "anxiety", "role": "patient", "occasion": "once", "kind": "mean"}
    means = {"father": 2.0, "mother": 3.0}
    rows = [{**head, "about": about, "n": 40.0, "name": None, "mean": m, "sd": 1.0} for about, m in means.items()]
    html = str(_means(Results(tmp_path), pd.DataFrame(rows)))
    assert html.index("anxiety, about father") < html.index("2.0") < html.index("anxiety, about mother")
