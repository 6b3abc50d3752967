"""Published numbers of the library: possible, sourced, and not applied to another form."""

import pytest

from bowlby.errors import UserError
from bowlby.instruments.catalogue import describe, list_instruments, load_instrument
from bowlby.instruments.model import read_instrument
from bowlby.instruments.published_norms import in_score_units

OWN = """
id: mine
name: My scale
n_items: 4
response: [0, 3]
confidence: verified-1
scales:
  a: {items: [1, 2, 3, 4], min_answered: 3, higher: worse}
"""


def faults(folder, text):
    path = folder / "mine.yaml"
    path.write_text(OWN + text)
    with pytest.raises(UserError) as caught:
        read_instrument(path)
    return caught.value.problems


@pytest.mark.parametrize(
    "text, line",
    [
        ("caseness: [{scale: b, at: 4, confidence: unverified}]", "caseness: there is no scale b; use one of a"),
        ("caseness: [{scale: a, at: 40, confidence: unverified}]", "caseness of a: 40 is outside 0 to 12"),
        ("reliable_points: [{scale: a, points: 13, confidence: unverified}]", "13 points is no possible change"),
        (
            "norm_table: [{scale: a, population: clinical, mean: 2, sd: 15, confidence: unverified}]",
            "norm_table of a: SD 15 is not possible within 0 to 12; correct `sd`, or `unit`",
        ),
        (
            "norm_table: [{scale: a, population: clinical, mean: 11, unit: item mean, confidence: unverified}]",
            "norm_table of a: mean 44 is outside 0 to 12; correct `mean`, or `unit`",
        ),
        (
            "severity: [{scale: a, confidence: unverified, bands: [{name: x, lowest: 5}, {name: y, lowest: 2}]}]",
            "severity of a: bands do not rise within 0 to 12",
        ),
        ("composites: {c: {weights: {a: 1, z: 1}}}", "composite c: there is no scale z; use one of a"),
        ("composites: {a: {weights: {a: 1}}}", "a is a scale and a composite at once"),
        ("item_flags: {risk: [5]}", "item flag risk has items 5 outside 1 to 4"),
        (
            "style: {anxiety: [a], warning: w, confidence: unverified}",
            "style: give anxiety with avoidance or closeness, or prototypes",
        ),
    ],
)
def test_each_impossible_number_is_one_line(tmp_path, text, line):
    problems = faults(tmp_path, text)
    assert len(problems) == 1
    assert line in problems[0]
    assert problems[0].startswith("mine.yaml:9")


def test_every_published_number_has_a_source_or_is_unverified():
    for name in list_instruments():
        i = load_instrument(name)
        for entry in (*i.severity, *i.caseness, *i.reliable_points, *i.norm_table):
            assert bool(entry.source) != (entry.confidence == "unverified"), (name, entry)
            for code in entry.source.split(" and ") if entry.source else []:
                assert any(s.startswith(f"{code}:") for s in i.sources), (name, code)


def test_cut_offs_of_the_library():
    assert [b.lowest for b in load_instrument("phq9").severity[0].bands] == [0, 5, 10, 15, 20]
    assert [(c.name, c.at) for c in load_instrument("gad7").caseness] == [("authors", 10), ("NHS Talking Therapies", 8)]
    assert load_instrument("core10").caseness[0].at == 11
    assert load_instrument("core_om").caseness[0].at == 1.0
    assert [r.size for r in load_instrument("pcl5").reliable_points] == [15, 18]


FAMILIES = ["wai_36 wai_s wai_sr wai_srt", "core_om core10", "iip32 iip_sc", "ecr ecr_12 ecr_r ecr_rs ecr_s", "rq rsq"]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_has_one_licence_text(family):
    assert len({load_instrument(name).licence for name in family.split()}) == 1


def test_keys_that_were_found_in_public_code_name_it_and_norms_of_another_form_are_not_claimed():
    for name, source in (("asq", "babies-study/babies_scoring"), ("bsi18", "savsena93/neuropsych")):
        assert load_instrument(name).confidence == "verified-1"
        assert any(source in s for s in load_instrument(name).sources)
    assert all(n.mean is None for n in load_instrument("wai_s").norm_table)
    assert load_instrument("rfq8").norm_table[0].sd == 0.758


def test_norms_of_item_means_are_turned_into_sums():
    cats = load_instrument("cats")
    norm = next(n for n in cats.norm_table if n.scale == "secure" and n.mean is not None)
    assert in_score_units(cats, norm) == pytest.approx((14 * 5.05, 14 * 0.725))
    aas = load_instrument("aas_r")
    assert in_score_units(aas, aas.norm_table[3]) == (3.59, 0.87)


def test_another_response_range_keeps_only_reliabilities():
    form = load_instrument("phq9").on_response(1, 4)
    assert (form.severity, form.caseness, form.reliable_points) == ([], [], [])
    assert {(n.mean, n.sd) for n in form.norm_table} == {(None, None)}
    assert form.norm_table[1].alpha == (0.86, 0.89)
    assert load_instrument("phq9").on_response(0, 3).caseness


def test_description_gives_composites_and_the_rule_of_styles_with_its_warning():
    text = " ".join(describe("rq").split())
    assert "composite model_of_self: +1 secure +1 dismissing -1 preoccupied -1 fearful" in text
    assert "style: the style with the highest rating; a tie is unclassified warning: The authors" in text
    assert "code Ds: dismissing" in describe("aai")
