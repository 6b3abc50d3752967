"""How slopes depend on moderators."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup

from bowlby.report.section import Section, figure, render
from bowlby.results import Results
from bowlby.tables import interval, number, p_statement, sheet_html, sheets
from bowlby.tables.moderation import interaction_name, region_words

ALPHA = 0.05
EXPLORATORY = (
    "These analyses are exploratory and decide no claim. A significant interaction needs to be confirmed in new data. "
    "A non-significant one may exist, because power is much lower for interactions than for slopes."
)
LINEAR = "The slope is assumed to change linearly with the moderator."
OBSERVED = (
    "The predictors were not randomised, so that other characteristics of patients or therapists may account for an "
    "interaction."
)
ZERO = "The variance of a random slope was estimated at 0 (boundary) for {}."
FEW = (
    "With {} therapists, the variance of a random slope is estimated imprecisely; the Kenward-Roger method allows for "
    "this only in part."
)
LOW_DF = 4.0
LOW = "The test has fewer than {:g} degrees of freedom, so that its p value is approximate, for {}."
SEVERITY = (
    "The test of severity above is a joint test of severity within and between therapists; the exploratory analysis "
    "tests severity within therapists. In Schauenburg et al. (2010), therapists' attachment security had no main "
    "effect on outcome, but was associated with a better outcome in more severely impaired patients."
)
FEW_THERAPISTS = 30
NOWHERE = "no observed value"
CURVE = (
    "The line shows the slope of the predictor at each value of the moderator, with pointwise 95% limits (dashed) and "
    "the simultaneous 95% band, which applies to all values at once. Red marks show where the moderator was observed; "
    "each is the mean of at least five persons with similar values (in internal reports, the value of one)."
)
POINTS = "The points show the slope in each category, with 95% intervals."


def moderation(results: Results) -> Section | None:
    """A sentence for each interaction, figure, table and limitations; None where none was asked for."""
    record = results.json("moderation.json")
    if not record:
        return None
    said = [_said(one, len(record["interactions"])) for one in record["interactions"]]
    lines = [one for one in record["interactions"] if "levels" not in one]
    plot = figure(
        results,
        "moderation",
        alt=f"Slopes by moderator. {' '.join(said)}",
        caption=" ".join([CURVE] * bool(lines) + [POINTS] * (len(lines) < len(said))),
    )
    text = Markup("").join(Markup("<p>{}</p>").format(sentence) for sentence in said)
    limited = [EXPLORATORY, *([LINEAR] if lines else []), OBSERVED, *_warnings(record)]
    limits = Markup("<h3>Limitations</h3><p>{}</p>").format(" ".join(limited))
    table = Markup(sheet_html(sheets(results)["moderation"][1]))
    html = render("stack.html", parts=[text, plot, table, limits], intro=None)
    return Section("moderation", "Moderation (exploratory)", html)


def found(one: Mapping) -> bool:
    """Whether an interaction is significant after adjustment."""
    p = one["interaction"]["p_fdr"]
    return p is not None and p < ALPHA


def with_c3(results: Results) -> list[str]:
    """What is said with C3: interactions of the therapist's style that were found."""
    record = results.json("moderation.json") or {"interactions": []}
    own = [one for one in record["interactions"] if one["text"].startswith("therapist_style") and found(one)]
    said = [
        f"Exploratory analysis: {_said(one, len(record['interactions']))} C3 concerns the average slope." for one in own
    ]
    severity = any(one["text"].endswith(" by pretest") for one in own)
    return [*said, SEVERITY] if severity else said


def _said(one: Mapping, tests: int) -> str:
    """What is said of one interaction."""
    test, name = one["interaction"], f"The slope of {one['predictor']}"
    p = f"{p_statement(test['p'])}, adjusted {p_statement(test['p_fdr'])}" if tests > 1 else p_statement(test["p"])
    moderator = one["moderator"].removeprefix("the ")
    if "levels" in one:
        joint = f"F({test['df_num']:.0f}, {number(test['df_den'], 1)}) = {number(test['f'])}, {p}"
        differs = "differs" if found(one) else "does not differ significantly"
        return f"{name} {differs} between categories of {moderator} ({joint})."
    size = f"interaction {number(test['estimate'])} SD of outcome per SD of both, 95% CI {interval(*test['ci'])}, {p}"
    depends = "depends on" if found(one) else "does not depend significantly on"
    return f"{name} {depends} {one['moderator']}: {size}.{_where(one)}"


def _where(one: Mapping) -> str:
    """Where the slope differs from 0."""
    regions = one["regions"]["simultaneous"]
    if regions is None:
        return ""
    whole = len(regions) == 1 and [regions[0]["low"], regions[0]["high"]] == one["range"]
    if not regions or whole:
        return f" By the simultaneous band, the slope differs from 0 at {'all observed values' if whole else NOWHERE}."
    of = {"within": "from the therapist's mean", "between": "therapist's mean", "therapist": ""}[one["tested"]]
    values = ", ".join(filter(None, (one["moderator"].removeprefix("the "), of)))
    return f" By the simultaneous band, the slope is {region_words(regions)} ({values})."


def _df(interaction: Mapping) -> float:
    """Denominator degrees of freedom of the test of an interaction."""
    return interaction["interaction"].get("df", interaction["interaction"].get("df_den"))


def _warnings(record: Mapping) -> list[str]:
    """What these data give reason to say."""
    zero = [interaction_name(one) for one in record["interactions"] if one["zero_slopes"]]
    fewest = min(one["n_therapists"] for one in record["interactions"])
    alike = [one["moderator"] for one in record["interactions"] if one["tested"] == "between"]
    said = [ZERO.format("; ".join(zero))] if zero else []
    said += [FEW.format(fewest)] if fewest < FEW_THERAPISTS else []
    if low := [interaction_name(one) for one in record["interactions"] if _df(one) < LOW_DF]:
        said.append(LOW.format(LOW_DF, "; ".join(low)))
    if alike:
        said.append(
            f"Patients of the same therapist do not differ in {' and '.join(alike)}. Therapists were therefore "
            "compared, and other differences between them may account for the interaction."
        )
    if any(one["reference"] == "sample" for one in record["interactions"]):
        said.append("Slopes are per SD of this sample, and the intervals do not include the uncertainty of these SDs.")
    return said
