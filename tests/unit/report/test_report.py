"""The page: what stands in it, what does not, and that nothing in it runs or loads."""

import re
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from bowlby import report, tables
from bowlby.cli.run import ending
from bowlby.files import read_json, write_json


class Outline(HTMLParser):
    """Headings, ids, links and tags of a page."""

    def __init__(self, page: str):
        super().__init__()
        self.headings, self.ids, self.tags, self.targets, self.unlabelled = [], [], set(), [], 0
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.tags.add(tag)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if "id" in given:
            self.ids.append(given["id"])
        if tag == "a":
            self.targets.append(given["href"].removeprefix("#"))
        if given.get("role") == "img" and not given.get("aria-label"):
            self.unlabelled += 1


def test_page_stands_alone(comparison_run, growth_run):
    for folder in (comparison_run(), growth_run):
        page = report.build_report(folder)
        assert "http" not in page.lower()
        assert not Outline(page).tags & {"script", "link", "iframe", "object", "img"}
        assert "src=" not in page and "@import" not in page
        assert set(re.findall(r"url\((.)", page)) <= {"#"}


def test_headings_in_order_and_every_link_arrives(comparison_run):
    seen = Outline(report.build_report(comparison_run()))
    assert seen.headings[:2] == [1, 2] and seen.headings.count(1) == 1
    assert all(b - a <= 1 for a, b in pairwise(seen.headings))
    assert len(seen.ids) == len(set(seen.ids)), "an id stands twice"
    files = {target for target in seen.targets if target.startswith("figures/")}
    assert set(seen.targets) - files <= set(seen.ids)
    assert seen.unlabelled == 0


def test_figures_are_numbered_in_reading_order_and_their_data_linked(comparison_run):
    folder = comparison_run()
    page = report.build_report(folder)
    shown = re.findall(r'<figure[^>]* id="figure-(\w+)"', page)
    captions = re.findall(r'<figcaption><b><a href="#figure-(\w+)">Figure (\d+)</a>', page)
    assert captions == [(name, str(k)) for k, name in enumerate(shown, start=1)] and len(shown) > 2
    referred = re.findall(r'See <a href="#figure-(\w+)">Figure (\d+)</a>', page)
    assert referred and set(referred) <= set(captions)
    assert len(re.findall(r"Figure \d", page)) == len(captions) + len(referred), "a figure is named without a link"
    linked = re.findall(r'href="(figures/data/[\w.]+)"', page)
    assert len(linked) == len(shown) and all((folder / path).is_file() for path in linked)


def test_labels_are_escaped(comparison_run):
    folder = comparison_run(title='<script>alert("x")</script> & שלום 😀')
    page = report.build_report(folder)
    assert "<script" not in page and "&lt;script&gt;" in page and "שלום 😀" in page
    assert "<b>age</b>" not in page and "<i>finding</i>" not in page and "A &lt;i&gt;finding&lt;/i&gt;." in page


def test_verdicts_are_said_in_words(comparison_run):
    page = report.build_report(comparison_run())
    assert "supported, qualified" in page and "the patient rated both attachment and outcome" in page
    assert page.count("</span> not tested</span>") == 2
    assert '<span class="whole">95% CI [0.20, 0.40]</span>' in page and 'data-label="p">&lt; .001</td>' in page
    assert "<td>two-sided test of P</td>" in page
    assert "<td>one-sided test, corrected for two tests of P\u00a0+\u00a0T</td>" in page
    assert "fewer than 30 therapists" in page


def test_values_that_do_not_exist_are_not_available(comparison_run):
    page = report.build_report(comparison_run())
    card = page[page.index("C3. ") : page.index("C4. ")]
    assert card.count("not available") == 3, "estimate, interval and p"
    assert "None" not in card and "nan" not in card


def test_banners(comparison_run):
    plain = report.build_report(comparison_run())
    assert "Synthetic data" not in plain and "Internal." not in plain
    assert "Key unverified: Client Attachment to Therapist Scale (CATS)" in plain
    folder = comparison_run(synthetic=True)
    write_json(folder / "manifest.json", {**read_json(folder / "manifest.json"), "privacy": "internal"})
    loud = report.build_report(folder)
    assert "Synthetic data" in loud and "Internal." in loud


def test_what_is_not_asked_for_is_absent(growth_run):
    page = report.build_report(growth_run)
    for word in ("C2", "Verdict", "equivalence", "P − T", 'id="estimates"', 'id="reliability"', ">None"):
        assert word not in page, word
    for name in ("course", "therapists", "flow", "issues", "keys", "methods", "provenance"):
        assert f'<h2 id="{name}">' in page, name
    assert "Time (months)" in page


def test_a_run_of_a_growth_model_ends_with_its_slope(growth_run):
    assert ending(growth_run)[0].startswith("Mean change of the outcome per unit of time (months): b = ")


def test_the_course_says_how_slopes_differ_and_what_the_design_cannot_show(growth_run):
    path = growth_run / "fits/growth.json"
    fit = read_json(path)
    slope = {"group": "patient", "term": "time", "term2": None, "variance_or_cov": 0.0, "sd_or_corr": 0.0}
    gone = {"group": "therapist", "term": "intercept", "reason": "no patient has a therapist"}
    own = [r for r in fit["random"] if r["group"] == "patient"]
    changes = {"random": [*own, slope], "groups": {"patient": 40}, "singular": True, "left_out": [gone]}
    write_json(path, {**fit, **changes})
    tables.build(growth_run)
    page = report.build_report(growth_run)
    section = page[page.index('<h2 id="course">') : page.index('<h2 id="flow">')]
    boundary = "Estimated at 0 (boundary): the variance of the random slope of time (patients)."
    reason = "without random effects of therapists, which cannot be estimated: no patient has a therapist."
    assert "per unit of time (months): b = 1.50, 95% CI [0.50, 2.50]" in section
    assert "The SD of the slopes between patients is 0.00." in section
    for said in (boundary, reason):
        assert section.count(said) == 2, "in the paragraph and under the table"
        assert said in report.methods_text(report.Results(growth_run))
    assert "100</i> observations" not in section and "observations of 40 patients, 40 patients" not in section
    assert "occasions in patients." in page, "the checklists name the levels"


def test_a_comparison_has_no_course(comparison_run):
    page = report.build_report(comparison_run())
    assert 'id="course"' not in page and "Table 1" in page and 'id="figure-forest"' in page


def test_issues_are_grouped_and_the_first_200_shown(comparison_run):
    page = report.build_report(comparison_run())
    part = page[page.index('<h2 id="issues">') : page.index('<h2 id="checklists">')]
    assert part.count("<details>") == 1 and "values out of range: 250 findings" in part
    assert part.count("<tr>") == 201 and "The first 200 of 250" in part


def test_no_therapist_is_named_and_small_cells_are_withheld(comparison_run):
    folder = comparison_run()
    page = report.build_report(folder) + report.methods_text(report.Results(folder))
    assert "SECRET" not in page
    assert "no rating (fewer than 5)" in page and "no outcome (20)" in page
    assert "all but a few" in page, "119 of 122 would tell three patients"


def test_reliability_without_leading_zero(comparison_run):
    page = report.build_report(comparison_run())
    assert ">.83<" in page and "[.79, .87]" in page


def test_build_writes_page_and_methods(comparison_run):
    folder = comparison_run()
    assert [p.name for p in report.build(folder)] == ["summary.txt", "methods.md", "methods.docx", "report.html"]
    first = (folder / "report.html").read_bytes()
    report.build(folder)
    assert (folder / "report.html").read_bytes() == first
    methods = (folder / "methods.md").read_text("utf-8")
    assert "Kenward & Roger, 1997" in methods and "Python 3.12.1" in methods and "C4 and C5 were not tested" in methods


@pytest.mark.parametrize("method", ["satterthwaite", "kenward-roger"])
def test_methods_cite_what_was_used(growth_run, method):
    path = growth_run / "fits/growth.json"
    write_json(path, {**read_json(path), "df_method": method})
    text = report.methods_text(report.Results(growth_run))
    other = {"satterthwaite": "Kenward", "kenward-roger": "Satterthwaite"}[method]
    assert other not in text and "Berger" not in text and "(in months)" in text


def test_models_of_perceived_attachment_are_told_where_they_were_run(comparison_run):
    folder = comparison_run(claims={"C4": claim_tested("supported"), "C5": claim_tested("supported")})
    fit = read_json(folder / "fits/primary.json")
    term = {**fit["fixed"][0], "term": "patient_style_anxiety_within"}
    block = {
        "name": "patient style",
        "terms": ["patient_style_anxiety_within"],
        "f": 5.5,
        "df_num": 2,
        "df_den": 41.26,
        "p": 0.0077,
    }
    write_json(folder / "fits/c5.json", {**fit, "model": "c5", "fixed": [term], "contrasts": [], "blocks": [block]})
    page = report.build_report(folder)
    assert "Patient&#x27;s own style: anxiety, within therapist" in page
    assert "<i>F</i>(2, 41.3) = 5.50, <i>p</i> = .008" in page
    assert "were not tested" not in page and "C5 was tested as C1" in page


def claim_tested(verdict: str) -> dict:
    base = {"verdict": verdict, "fragile": None, "qualified": False, "not_tested": False, "rule": None}
    base |= {"reasons": [], "flags": []}
    return base | {"estimate": 0.1, "ci": [0.0, 0.2], "df": 20.0, "p": 0.01, "bound": 0.1, "parts": {}}


def test_a_study_that_cannot_answer_says_so_above_the_figure(comparison_run):
    folder = comparison_run()
    record = read_json(folder / "verdict.json")
    unable = "With 9 therapists this study cannot answer the question on the therapist's attachment style."
    assert unable not in report.build_report(folder)
    write_json(folder / "verdict.json", {**record, "cannot_answer": unable})
    page = report.build_report(folder)
    assert 0 < page.index("cannot answer the question") < page.index('<th scope="col">Claim<')


def test_inlined_svg_has_ids_of_its_own(tmp_path):
    (tmp_path / "flow.svg").write_text('<?xml version="1.0"?><svg><path id="p1"/><use href="#p1"/></svg>')
    assert report.inline(tmp_path / "flow.svg") == '<svg><path id="flow-p1"/><use href="#flow-p1"/></svg>'
