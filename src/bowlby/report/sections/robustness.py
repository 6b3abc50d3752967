"""Robustness checks of the verdicts, and sensitivity to what the models assume."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup

from bowlby.figures.multiverse import DRAWN
from bowlby.report.not_computed import MEASUREMENT
from bowlby.report.robustness_tables import (
    computed_of,
    flips_sheet,
    intervals_sheet,
    left_undone,
    robustness_values_sheet,
    tipping_sheet,
)
from bowlby.report.section import Section, drawn, figure, render
from bowlby.results import Results
from bowlby.tables import number, p_value, sheet_html, with_outcome
from bowlby.tables.estimands import SYMBOLS
from bowlby.tables.fits import doubtful_units

HALF = 0.5


def robustness(results: Results) -> Section | None:
    """The robustness checks, and what the estimates could withstand; None where there is no comparison."""
    record = results.json("robustness.json") or {}
    if not (record or results.estimands) or not results.verdict or not results.comparison:
        return None
    intervals = intervals_sheet(results.comparison, record, results.estimands)
    parts = [
        Markup(sheet_html(flips_sheet(results.verdict, record))) if record else Markup(""),
        Markup(sheet_html(with_outcome(intervals, results).noted(doubtful_units(results.comparison)))),
        _p_values(record),
        _one_left_out(results),
        _curve(results, record),
        _null(record),
    ]
    intro = _intro(results.verdict, record) if record else "The configuration requests no robustness checks."
    return Section("robustness", "Robustness", render("stack.html", parts=parts, intro=intro))


def _confounder(results: Results) -> Markup:
    """Robustness values, and how far slopes may differ between therapists."""
    record = results.estimands.get("sensitivity")
    if not record:
        return Markup("")
    said = Markup(sheet_html(robustness_values_sheet(record)))
    if sd := record["slope_sd"]:
        said += Markup(
            "<p>P differs between therapists by an SD of {} (maximum likelihood; upper 95% profile limit {}).</p>"
        ).format(number(sd["estimate"]), number(sd["upper"]))
    return said


def _intro(verdict: Mapping, record: Mapping) -> str:
    """Which verdicts a check changes by the rules, and what has another verdict in most of the alternative analyses."""
    decided = {n: c for n, c in verdict["claims"].items() if c["verdict"] in ("supported", "refuted")}
    changed = [name for name, claim in decided.items() if claim.get("fragile")]
    unknown = [name for name, claim in decided.items() if claim.get("fragile_not_tried") and name not in changed]
    if changed:
        said = [f"By fixed rules, a check changes the verdict of {', '.join(changed)}."]
    elif decided:
        computed = "computed " if unknown else ""
        said = [f"By fixed rules, no {computed}check changes a supported or refuted verdict."]
    else:
        said = ["No claim is decided, so that no check can change a verdict."]
    if unknown:
        said.append(f"For {' and '.join(unknown)} some checks were not computed.")
    elsewhere = (record.get("multiverse") or {}).get("verdicts") or {}
    rare = [
        f"{name} is {claim['verdict']} in only {number(100 * share, 0)}%"
        for name, claim in decided.items()
        if name in elsewhere and (share := elsewhere[name].get(claim["verdict"], 0)) < HALF
    ]
    if rare:
        said.append(f"However, {' and '.join(rare)} of the alternative analyses.")
    if elsewhere:
        said.append(
            "Alternative analyses count as a change if the sign of the estimate differs in more than 20% of them (C3: "
            "if T crosses the bound), not if they leave the claim inconclusive."
        )
    without = (record.get("influence") or {}).get("verdicts") or {}
    if any(len(without.get(name) or {}) > 1 for name in decided):
        said.append("Omitting a therapist counts only if it also moves the estimate by more than 1 SE.")
    if lost := sum(kind.get("failed") or 0 for kind in record.values() if not kind.get("not_computed")):
        said.append(f"{lost:,} of the refits failed and are not counted.")
    return " ".join([*said, *([undone] if (undone := left_undone(record)) else [])])


def _curve(results: Results, record: Mapping) -> Markup:
    table, curve = drawn(results, "multiverse"), computed_of(record).get("multiverse")
    if table is None or not curve:
        return Markup("")
    shares = curve["verdicts"]["C2"]
    said = ", ".join(f"{word} in {number(100 * share, 0)}%" for word, share in shares.items())
    median = curve["median"]
    of = curve.get("combinations") or len(table)
    some = f", a random sample of the {of:,} that are possible with these data" if of > len(table) else ""
    shown = f"; {DRAWN:,} of them are drawn, evenly by rank" if len(table) > DRAWN else ""
    return figure(
        results,
        "multiverse",
        alt=f"Specification curve of {len(table):,} alternative analyses. P is larger than |T| in "
        f"{number(100 * curve['p_above_t'], 0)}% of them; medians: P {number(median['P'])}, T {number(median['T'])}. "
        f"P > |T| is {said}.",
        caption=f"The columns show P − |T| in {len(table):,} alternative analyses{some}{shown}, with 95% intervals. "
        "Intervals beyond the panel are cut off. "
        "The diamond and the dotted line mark the main analysis, which decides the verdicts; its choices are black. "
        "Choices are ordered by influence, the largest difference between the means of P − |T| of their options. "
        f"P is larger than |T| in {number(100 * curve['p_above_t'], 0)}% of the analyses, and C2 is {said}.",
    )


def _null(record: Mapping) -> Markup:
    """The curve against curves without an effect."""
    null = computed_of(record).get("multiverse_null")
    if not null:
        return Markup("")
    share = {name: f"{number(100 * value, 0)}%" for name, value in null["c2_supported"].items()}
    return Markup("<p>Joint test of the alternative analyses ({} repetitions without an effect): median P, {}; median "
                  "T, {}. {}</p>").format(
        null["replicates"], _p(null["p"]["P_median"]), _p(null["p"]["T_median"]),
        f"C2 is supported in {share['registered']} of the analyses with the therapist's own style, in "
        f"{share['permuted_style']} with permuted style, and in {share['unrelated_variable']} with an unrelated random "
        "variable.",
    )  # fmt: skip


def _p(p: float) -> Markup:
    text = p_value(p)
    return Markup("<i>p</i> {}").format(text if text.startswith("<") else f"= {text}")


def _one_left_out(results: Results) -> Markup:
    table = drawn(results, "influence")
    if table is None:
        return Markup("")
    n = int(table.loc[table["effect"] == table["effect"].iloc[0], "therapists"].sum())
    few = (
        " Therapists with fewer than five patients are combined; the point of a group is the mean of its therapists' "
        "estimates."
        if (table["therapists"] > 1).any()
        else ""
    )
    said = [
        f"{SYMBOLS.get(effect, effect)} from {number(part['value'].min())} to {number(part['value'].max())}"
        for effect, part in table.groupby("effect", sort=False)
    ]
    turned = int(table[table["effect"].isin(["P-T", "P+T"])].groupby("effect")["turns"].sum().max())
    verb = "changes" if turned == 1 else "change"
    turns = f"{turned} of the omissions {verb} C2 (crosses)." if turned else "No omission changes C2."
    return figure(
        results,
        "influence",
        alt=f"Strips of estimates with one of {n:,} therapists left out: {'; '.join(said)}. {turns}",
        caption=f"The points show the estimates without one of the {n:,} therapists, the lines below them the "
        f"estimate with all therapists and its 95% interval. {turns} Therapists are not identified.{few}",
    )


def _p_values(record: Mapping) -> Markup:
    """Tests with fewer assumptions."""
    said, computed = [], computed_of(record)
    if permutation := computed.get("permutation"):
        share = number(100 * permutation["c2_with_permuted_style"]["supported"], 0)
        text = "Permutation test of T ({:,} permutations of style among therapists): {}; C2 supported in {}% of them."
        said.append(Markup(text).format(permutation["replicates"], _p(permutation["p"]["T"]), share))
    if permutation := computed.get("wild"):
        values = Markup(", ").join(
            Markup("{} {}").format(SYMBOLS.get(n, n), _p(permutation["p"][n])) for n in ("P", "T", "P-T", "P+T")
        )
        text = "Wild cluster bootstrap ({:,} replicates), two-sided: {}."
        said.append(Markup(text).format(permutation["replicates"], values))
    return Markup("").join(Markup("<p>{}</p>").format(text) for text in said)


def _measured(results: Results) -> Markup:
    """What errors of measurement do to the claims, in words."""
    record = results.estimands.get("measurement")
    if not record:
        return Markup("")
    if record["reason"]:
        why = MEASUREMENT[record["reason"]]
        text = "The slopes were not corrected for measurement error, and its influence is unknown: {}."
        return Markup("<p>{}</p>").format(text.format(why))
    variables, rows, decided = (
        record["variables"],
        record["rows"],
        (results.verdict and results.verdict.get("without_errors")) or {},
    )
    said = [
        f"The baseline outcome has a reliability of {_reliability(variables['baseline'])}. Corrected for its "
        f"measurement error, P is {_value(rows['baseline']['P'])} and T is {_value(rows['baseline']['T'])}. "
        + _changes(results, decided.get("baseline"), ("C1", "C2"))
    ]
    if record["within_only"]:
        said.append(
            "The variance of the baseline between therapists is hardly larger than its error variance, so the "
            "baseline was not corrected between therapists."
        )
    if rows["all"]:
        said.append(
            f"The reliability of perceived attachment is {_reliability(variables['perceived'])}, that of the "
            f"therapist's own style {_reliability(variables['therapist_style'])}. Corrected for the errors of "
            f"all three, P is {_value(rows['all']['P'])} and T is {_value(rows['all']['T'])}. "
            + _changes(results, decided.get("all"), ("C1", "C2", "C3"))
        )
    off = [f"{number(one['row']['P']['estimate'])} at {number(one['reliability'], bounded=True)}"
           for one in record["reliability_off"] if one["row"]]  # fmt: skip
    said.append(
        "The correction assumes that errors of different questionnaires are independent. If mood affects both the "
        "baseline outcome and perceived attachment, the corrected P is too small."
    )
    if off:
        said.append(f"With other reliabilities of the baseline outcome, P would be {' and '.join(off)}.")
    return Markup("<p>{}</p>").format(" ".join(said))


def _reliability(variable: dict) -> str:
    origin = {"items": "estimated from its items", "configuration": "from the configuration"}[variable["from"]]
    return f"{number(variable['reliability'], bounded=True)} ({origin})"


def _value(effect: dict) -> str:
    return number(effect["estimate"])


def _changes(results: Results, corrected: dict | None, names: tuple[str, ...]) -> str:
    """Which verdicts would change."""
    claims = results.verdict_claims
    if not corrected or not claims:
        return ""
    changed = [f"{n} would be {corrected[n]} instead of {claims[n]['verdict']}" for n in names
               if corrected[n] != claims[n]["verdict"]]  # fmt: skip
    kept = f"{', '.join(names[:-1])} and {names[-1]} would keep their verdicts"
    return (", and ".join(changed) if changed else kept) + "."


def sensitivity(results: Results) -> Section | None:
    """Outcomes missing not at random, measurement error and confounding; None where none of them was examined."""
    check, parts = computed_of(results.json("robustness.json") or {}).get("tipping"), []
    if not results.verdict or not results.comparison:
        return None
    if check:
        parts.append(Markup(sheet_html(with_outcome(tipping_sheet(check), results))))
    parts += [part for part in (_measured(results), _confounder(results)) if part]
    if not parts:
        return None
    return Section("sensitivity", "Sensitivity analyses", render("stack.html", parts=parts, intro=None))
