"""The example's page in Chromium: quiet, alone, readable, and whole on paper."""

import re
import shutil

import pytest

from bowlby import report
from bowlby.files import read_json, write_json

LONG = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft" * 3
HOSTILE = f"<img src=x onerror=alert(1)> =HYPERLINK(1) תשומת לב 😀 {LONG}"
CONTRAST = """(() => {
  const light = c => { const [r, g, b] = c.map(v => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
    return .2126 * r + .7152 * g + .0722 * b; };
  const rgb = s => s.match(/[\\d.]+/g).map(Number);
  const behind = e => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor);
    if (c.length < 4 || c[3] === 1) return c.slice(0, 3); } return [255, 255, 255]; };
  const poor = [];
  for (const e of document.body.querySelectorAll('*')) {
    if (e.closest('svg') || ![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())) continue;
    const a = light(rgb(getComputedStyle(e).color).slice(0, 3)), b = light(behind(e));
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < 4.5) poor.push(e.textContent.trim().slice(0, 30) + ' ' + ratio.toFixed(2));
  }
  return poor;
})()"""
# What is wider than its box and not in a region that scrolls, and words that leave their drawing.
CUT = """(() => {
  const wide = e => !e.closest('.scroll, svg, .skip') && e.clientWidth && e.scrollWidth > e.clientWidth + 1;
  const shown = [...document.body.querySelectorAll('*')].filter(e => getComputedStyle(e).display !== 'inline');
  const cut = shown.filter(wide).map(e => e.outerHTML.slice(0, 80));
  for (const svg of document.querySelectorAll('.plate svg')) { const b = svg.getBoundingClientRect();
    for (const g of svg.querySelectorAll('[id*=text_]')) { const t = g.getBoundingClientRect();
      if (t.width && (t.left < b.left - 1 || t.right > b.right + 1 || t.top < b.top - 1 || t.bottom > b.bottom + 1))
        cut.push(svg.closest('figure').id + ' ' + g.id); } }
  return cut;
})()"""
# On paper nothing scrolls: what is wider than the text of an A4 page.
PAPER = """(() => [...document.querySelectorAll('main *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1)
  .map(e => e.outerHTML.slice(0, 80)))()"""
DRAWN = """[...document.querySelectorAll('.plate svg')].map(s => { const b = s.getBoundingClientRect();
  return [s.closest('figure').id, b.width, b.height, s.querySelectorAll('path, use, rect').length]; })"""
# Ends of links, and how far from the top of the window each brings its heading.
LINKS = """[...document.querySelectorAll('nav a')].map(a => { a.click();
  const h = document.querySelector(a.hash); const t = h.getBoundingClientRect().top;
  const end = document.documentElement.scrollHeight - innerHeight - scrollY < 2;
  return [a.textContent, h.textContent, t, end]; })"""


@pytest.fixture(scope="module")
def page(example):
    return example / "results/example/report.html"


@pytest.fixture(scope="module")
def hostile(example, tmp_path_factory):
    """The example's page with labels that would break a careless one."""
    folder = tmp_path_factory.mktemp("hostile") / "results/example"
    shutil.copytree(example / "results/example", folder)
    manifest = read_json(folder / "manifest.json")
    write_json(folder / "manifest.json", {**manifest, "title": HOSTILE, "inputs": {HOSTILE: "0" * 64}})
    issues = (folder / "issues.csv").read_text("utf-8").splitlines()
    rows = [f'warning,odd_code,"{HOSTILE}",,{i},"{HOSTILE}",,"{HOSTILE}",kept,1' for i in range(5000)]
    (folder / "issues.csv").write_text("\n".join([*issues, *rows]) + "\n", encoding="utf-8")
    report.build(folder)
    return folder / "report.html"


@pytest.mark.parametrize(("width", "dark"), [(360, False), (390, False), (390, True), (768, False), (1200, True)])
def test_silent_alone_and_nothing_wider_than_the_window_or_cut_off(page, open_page, width, dark):
    tab = open_page(page, width=width, dark=dark)
    assert tab.complaints() == []
    assert tab.requests() == []
    assert tab.ask("document.documentElement.scrollWidth") <= width
    assert tab.ask(CUT) == []
    picture = tab.picture()
    assert int.from_bytes(picture[16:20], "big") == width, "the picture of the whole page is as wide as the window"
    assert len(picture) > 200_000


@pytest.mark.parametrize("width", [390, 1200])
@pytest.mark.parametrize("dark", [False, True])
def test_no_violation_of_the_rules_of_axe(page, open_page, axe, width, dark):
    tab = open_page(page, width=width, dark=dark)
    tab.ask(axe)
    found = tab.ask("axe.run().then(r => r.violations.map(v => [v.id, v.nodes.length, v.nodes[0].html.slice(0, 99)]))")
    assert found == []


def test_report_before_the_appendix_has_at_most_3500_words(page):
    report, mark, appendix = page.read_text("utf-8").partition('<h2 id="appendix"')
    said = re.sub(r"<svg.*?</svg>|<style.*?</style>|<nav.*?</nav>|<[^>]+>", " ", report, flags=re.DOTALL)
    assert mark and 1500 < len(said.split()) <= 3500
    numbers = [int(n) for n in re.findall(r">Figure (\d+)</a>[.]</b>", report + appendix)]
    assert numbers == list(range(1, len(numbers) + 1)), "figures are numbered on from report to appendix"
    tables = [int(n) for n in dict.fromkeys(re.findall(r"<b>Table (\d+)</b>", report + appendix))]
    assert tables and tables == list(range(1, len(tables) + 1)), "and so are tables"


def test_every_figure_is_drawn_once(page, open_page):
    drawn = open_page(page, width=360).ask(DRAWN)
    names = [name for name, *_ in drawn]
    assert sorted(names) == sorted(f"figure-{p.stem}" for p in (page.parent / "figures").glob("*.svg"))
    for name, wide, tall, marks in drawn:
        assert wide > 250 and tall > 100 and marks > 5, name


def test_contents_lead_to_their_headings(page, open_page):
    tab = open_page(page)
    tab.do("Emulation.setEmulatedMedia", features=[{"name": "prefers-reduced-motion", "value": "reduce"}])
    links = tab.ask(LINKS)
    assert len(links) == len(re.findall("<h2 id=", page.read_text("utf-8"))) - 1, "a section is not in the contents"
    for said, heading, top, end in links:
        assert said == heading
        assert -1 <= top < 60 or (end and 0 <= top < 800), said


@pytest.mark.parametrize("dark", [False, True])
def test_words_stand_out_from_what_is_behind_them(page, open_page, dark):
    tab = open_page(page, dark=dark)
    assert tab.ask(CONTRAST) == []
    plates = "[...new Set([...document.querySelectorAll('.plate')].map(p => getComputedStyle(p).backgroundColor))]"
    assert tab.ask(plates) == ["rgb(255, 255, 255)"], "figures stand on a light card"


def test_the_first_key_skips_to_the_content(page, open_page):
    tab = open_page(page)
    for kind in ("rawKeyDown", "keyUp"):
        tab.do("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
    assert tab.ask("document.activeElement.className") == "skip"
    assert tab.ask("document.activeElement.getBoundingClientRect().left") >= 0


def test_printed_page_is_whole(page, open_page, tmp_path):
    tab = open_page(page, width=658)
    tab.do("Emulation.setEmulatedMedia", media="print")
    assert tab.ask(PAPER) == [], "wider than 17.4 cm"
    printed = tab.pdf()
    assert printed.startswith(b"%PDF") and len(printed) > 100_000
    assert max(int(n) for n in re.findall(rb"/Count (\d+)", printed)) >= 5


def test_hostile_labels_neither_run_nor_widen_the_page(hostile, open_page):
    tab = open_page(hostile, width=360)
    assert tab.complaints() == [] and tab.requests() == []
    assert tab.ask("document.documentElement.scrollWidth") <= 360
    assert tab.ask("document.querySelector('h1').textContent") == HOSTILE
    assert tab.ask("document.images.length") == 0
    assert tab.ask("document.querySelectorAll('#issues ~ details').length") < 10, "issues are grouped"
    assert hostile.stat().st_size < 2_000_000
