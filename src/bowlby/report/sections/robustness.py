"""Doubts tried on the verdict: what flips, other intervals, the specification curve, one therapist left out."""

from __future__ import annotations

from markupsafe import Markup

from bowlby.figures.multiverse import DRAWN
from bowlby.report.doubts import computed_of, flips_sheet, intervals_sheet, left_undone, tipping_sheet
from bowlby.report.drawing import drawn, figure
from bowlby.report.section import Section, render
from bowlby.results import Results
from bowlby.tables import number, p_value, sheet_html
from bowlby.tables.estimands import SYMBOLS
from bowlby.tables.fits import doubtful_units

HALF = 0.5


def robustness(results: Results) -> Section | None:
    """The doubts; None where none was asked for."""
    record = results.json("robustness.json")
    if not record or not results.verdict or not results.comparison:
        return None
    parts = [
        Markup(sheet_html(flips_sheet(results.verdict, record))),
        _curve(results, record),
        _null(record),
        _one_left_out(results),
        Markup(sheet_html(intervals_sheet(results.comparison, record).noted(doubtful_units(results.comparison)))),
        _p_values(record),
    ]
    if moved := computed_of(record).get("tipping"):
        parts.append(Markup(sheet_html(tipping_sheet(moved))))
    intro = _intro(results.verdict, record)
    return Section("robustness", "What would change the verdict", render("stack.html", parts=parts, intro=intro))


def _intro(verdict: dict, record: dict) -> str:
    """What is fragile by the rules, and what has another verdict in most of the other analyses."""
    decided = {n: c for n, c in verdict["claims"].items() if c["verdict"] in ("supported", "refuted")}
    fragile = [name for name, claim in decided.items() if claim.get("fragile")]
    unknown = [name for name, claim in decided.items() if claim.get("fragile_not_tried") and name not in fragile]
    if fragile:
        said = f"Fragile by the rules of the verdict: {', '.join(fragile)}. The reasons are in the table."
    elif unknown:
        said = "No decided claim was found fragile."
    elif decided:
        said = "By the rules of the verdict no decided claim is fragile."
    else:
        said = "No claim is decided, so there is nothing that could turn."
    if unknown:
        said += (
            f" Whether {' and '.join(unknown)} would turn is not known: not all that was asked for could be computed. "
            "The reasons are in the table."
        )
    elsewhere = (record.get("multiverse") or {}).get("verdicts") or {}
    rare = [
        f"{name} is {claim['verdict']} in only {number(100 * share, 0)}% of the other ways to analyse the study"
        for name, claim in decided.items()
        if name in elsewhere and (share := elsewhere[name].get(claim["verdict"], 0)) < HALF
    ]
    rule = (
        " Other analyses make a claim fragile only where the sign that it rests on changes in more than 20% of them "
        "(for C3: where T lies on the other side of the bound), not where they leave it inconclusive."
        if elsewhere
        else ""
    )
    but = f" Mind that {' and '.join(rare)}." if rare else ""
    lost = sum(kind.get("failed") or 0 for kind in record.values() if not kind.get("not_computed"))
    failed = f" {lost:,} of the refits failed; they are counted in no share." if lost else ""
    left = f" {undone}" if (undone := left_undone(record)) else ""
    return f"The analysis again, with other rows, other therapists and other choices. {said}{rule}{but}{failed}{left}"


def _curve(results: Results, record: dict) -> Markup:
    table, found = drawn(results, "multiverse"), computed_of(record).get("multiverse")
    if table is None or not found:
        return Markup("")
    shares = found["verdicts"]["C2"]
    said = ", ".join(f"{word} in {number(100 * share, 0)}%" for word, share in shares.items())
    median = found["median"]
    of = found.get("combinations") or len(table)
    some = f" a random sample of the {of:,} that these data admit;" if of > len(table) else ""
    shown = f" {DRAWN:,} of them are drawn, evenly by rank;" if len(table) > DRAWN else ""
    return figure(
        results,
        "multiverse",
        alt=f"Specification curve of {len(table):,} ways to analyse the study. P is larger than T in size in "
        f"{number(100 * found['p_above_t'], 0)}% of them; medians: P {number(median['P'])}, T {number(median['T'])}. "
        f"P > |T| is {said}.",
        caption=f"Each column is one way in which the study could have been analysed ({len(table):,};{some}{shown} "
        "points are estimates and vertical lines their 95% intervals). The diamond and the dotted line mark the "
        "registered analysis, which decides the verdicts; its choices are black below. Choices are ordered by "
        "influence, which is the largest difference between the means of P − |T| of a choice's options. "
        f"P is larger than T in size in {number(100 * found['p_above_t'], 0)}% of the analyses, and C2 is {said}.",
    )


def _null(record: dict) -> Markup:
    """What the curve would look like if style had nothing to do with it."""
    found = computed_of(record).get("multiverse_null")
    if not found:
        return Markup("")
    share = {name: f"{number(100 * value, 0)}%" for name, value in found["c2_supported"].items()}
    runs = found["replicates"]
    return Markup("<p>The curve as a whole: without any effect, medians as large as these arise with {} for P and with "
                  "{} for T ({} runs, so that none is below {}). {}</p>").format(
        _p(found["p"]["P_median"]), _p(found["p"]["T_median"]), runs, number(1 / runs, bounded=True),
        f"C2 is supported in {share['registered']} of the analyses tried; with style shuffled among therapists in "
        f"{share['permuted_style']}, and with a random number in its place in {share['unrelated_variable']}. The "
        "closer these are, the less C2 says of attachment style in particular.",
    )  # fmt: skip


def _p(p: float) -> Markup:
    text = p_value(p)
    return Markup("<i>p</i> {}").format(text if text.startswith("<") else f"= {text}")


def _one_left_out(results: Results) -> Markup:
    table = drawn(results, "influence")
    if table is None:
        return Markup("")
    n = int(table.loc[table["effect"] == table["effect"].iloc[0], "therapists"].sum())
    few = " Therapists of fewer than five patients are shown in groups." if (table["therapists"] > 1).any() else ""
    said = [
        f"{SYMBOLS.get(effect, effect)} from {number(part['value'].min())} to "
        f"{number(part['value'].max())}"
        for effect, part in table.groupby("effect", sort=False)
    ]
    turned = int(table[table["effect"].isin(["P-T", "P+T"])].groupby("effect")["turns"].sum().max())
    verb = "changes" if turned == 1 else "change"
    turns = f"{turned} of the omissions {verb} C2 (crosses)." if turned else "No omission changes C2."
    return figure(
        results,
        "influence",
        alt=f"Strips of estimates with one of {n:,} therapists left out: {'; '.join(said)}. {turns}",
        caption=f"The points show every estimate without one of the {n:,} therapists, the lines below them the "
        f"estimate with all therapists and its 95% interval. {turns} Therapists are not identified.{few}",
    )


def _p_values(record: dict) -> Markup:
    """Tests that assume less."""
    said, computed = [], computed_of(record)
    if found := computed.get("permutation"):
        text = "Style shuffled among therapists ({:,} times): T as large as this arises with {}. {}"
        share = number(100 * found["c2_with_permuted_style"]["supported"], 0)
        said.append(Markup(text).format(found["replicates"], _p(found["p"]["T"]), (
            f"With shuffled style, which can mean nothing, C2 is supported in {share}%: a large P is enough for that."
        )))  # fmt: skip
    if (found := computed.get("wild")):
        values = Markup(", ").join(
            Markup("{} {}").format(SYMBOLS.get(n, n), _p(found["p"][n])) for n in ("P", "T", "P-T", "P+T")
        )
        said.append(Markup("Wild cluster bootstrap ({:,}), two-sided: {}.").format(found["replicates"], values))
    return Markup("").join(Markup("<p>{}</p>").format(text) for text in said)
