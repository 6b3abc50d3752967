"""What scores must keep to, whatever the key and the answers; and what must not matter to them."""

import io

import numpy as np
import pandas as pd
import pyreadstat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bowlby.config import load
from bowlby.ingest import ingest
from bowlby.instruments.catalogue import list_instruments, load_instrument
from bowlby.instruments.model import Instrument, Scale
from bowlby.instruments.scoring import item_name, keyed, score

SCORED = [n for n in list_instruments() if load_instrument(n).scales]
quick = settings(max_examples=25, deadline=None, derandomize=True)


@st.composite
def keys(draw):
    """A key of two scales with any reversals, range, limits and kinds of score."""
    k = draw(st.integers(2, 10))
    cut = draw(st.integers(1, k - 1))
    low = draw(st.sampled_from([-3, 0, 1]))
    scales = {}
    for name, items in (("a", list(range(1, cut + 1))), ("b", list(range(cut + 1, k + 1)))):
        scales[name] = Scale(
            items=draw(st.permutations(items)),
            reverse=draw(st.lists(st.sampled_from(items), unique=True)),
            min_answered=draw(st.integers(1, len(items))),
            aggregate=draw(st.sampled_from(["sum", "mean"])),
        )
    form = {"n_items": k, "response": (low, low + draw(st.integers(1, 9)))}
    instrument = Instrument(id="x", name="x", confidence="verified-1", scales=scales, **form)
    assert not instrument.faults()
    return instrument


@st.composite
def filled(draw, instruments):
    """An instrument and forms of it, some items of them missing."""
    instrument = draw(instruments)
    low, high = map(int, instrument.response)
    answers = st.one_of(st.integers(low, high).map(float), st.just(np.nan))
    form = st.lists(answers, min_size=instrument.n_items, max_size=instrument.n_items)
    values = np.array(draw(st.lists(form, min_size=1, max_size=5)), dtype=float)
    data = pd.DataFrame(values, columns=[item_name(n + 1) for n in range(values.shape[1])])
    head = {"role": "patient", "about": "self", "occasion": "pre", "session": pd.array([pd.NA] * len(data), "Int64")}
    return instrument, data.assign(person=[f"p{n}" for n in range(len(data))], **head)


@quick
@given(filled(keys()))
def test_reversing_twice_is_the_identity(made):
    instrument, data = made
    for name, scale in instrument.scales.items():
        once = keyed(data, instrument, name)
        pd.testing.assert_frame_equal(keyed(once, instrument, name), data[[item_name(i) for i in scale.items]])


@quick
@given(filled(st.one_of(keys(), st.sampled_from(SCORED).map(load_instrument))))
def test_a_score_stays_in_its_range_or_is_missing_by_its_own_rule(made):
    instrument, data = made
    scores = score(data, instrument)
    for name, scale in instrument.all_scales().items():
        low, high = instrument.range_of(name)
        there = scores[name].notna()
        answered = data[[item_name(i) for i in scale.items]].notna().sum(axis=1)
        assert (scores[f"{name}_n"] == answered).all()
        assert (there <= answered.ge(scale.min_answered)).all()
        if not instrument.added(name):
            assert (there == answered.ge(scale.min_answered)).all()
        if not instrument.of_highest(name):
            assert (scores[f"{name}_prorated"] == (there & answered.lt(len(scale.items)))).all()
        assert scores.loc[there, name].between(low - 1e-9, high + 1e-9).all()


@quick
@given(filled(keys()), st.randoms(use_true_random=False))
def test_order_of_rows_columns_and_items_does_not_matter(made, random):
    instrument, data = made
    rows, columns = list(data.index), list(data.columns)
    random.shuffle(rows)
    random.shuffle(columns)
    wanted = score(data, instrument)
    pd.testing.assert_frame_equal(score(data.loc[rows, columns], instrument).sort_index(), wanted, check_like=True)
    turned = {n: s.model_copy(update={"items": s.items[::-1]}) for n, s in instrument.scales.items()}
    pd.testing.assert_frame_equal(score(data, instrument.model_copy(update={"scales": turned})), wanted)


PEOPLE = ["Jörg", "Åsa", "03", "Zoë"]
STUDY = """name: s
occasions: [pre]
files:
  - path: %s
    who: {person: id}
    when: {occasion: pre}
    measures: [{instrument: gad7, items: "g{n}"}]
"""


def table():
    random = np.random.default_rng(7)
    answers = {f"g{n}": random.integers(0, 4, len(PEOPLE)).astype(float) for n in range(1, 8)}
    data = pd.DataFrame({"id": PEOPLE} | answers)
    data.loc[1, "g3"] = np.nan
    data.loc[2, ["g1", "g2", "g4", "g5"]] = np.nan
    return data


def excel(data, path):
    data.to_excel(path, index=False)


def spss(data, path):
    pyreadstat.write_sav(data, path)


def stata(data, path):
    data.to_stata(path, write_index=False, version=118)


def text(encoding, **options):
    def write(data, path):
        out = io.StringIO()
        data.to_csv(out, index=False, **options)
        path.write_bytes(out.getvalue().encode(encoding))

    return write


FORMATS = {
    "bom.csv": text("utf-8-sig"),
    "old.csv": text("cp1252", sep=";", decimal=","),
    "wide.csv": text("utf-16"),
    "tab.tsv": text("utf-8", sep="\t"),
    "a.xlsx": excel,
    "a.sav": spss,
    "a.dta": stata,
    "a.parquet": lambda data, path: data.to_parquet(path),
}


def scores_of(folder, name, write):
    data = table()
    write(data, folder / name)
    (folder / "run.yaml").write_text("run: t\nstudy: study.yaml\noutcome: {instrument: gad7}\ngrowth: {reml: true}\n")
    decimal = "\n    decimal: ','" if name == "old.csv" else ""
    (folder / "study.yaml").write_text(STUDY % (name + decimal))
    measures = ingest(load(folder / "run.yaml")).measures["gad7"]
    return score(measures, load_instrument("gad7")).sort_values("person", ignore_index=True)


@pytest.mark.parametrize("name", FORMATS)
def test_encoding_and_format_of_the_same_table_do_not_matter(tmp_path, name):
    wanted = scores_of(tmp_path, "a.csv", text("utf-8"))
    assert wanted["total"].isna().tolist() == [p == "03" for p in sorted(PEOPLE)]
    pd.testing.assert_frame_equal(scores_of(tmp_path, name, FORMATS[name]), wanted)
