"""One self-contained page, and the methods text."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from bowlby.files import read_json, write_text
from bowlby.tables import DF_METHODS, fit_note, fit_table, rounded, to_html

CLAIMS = {
    "C1": "Perceived attachment predicts outcome (P > 0; refuted where P is reversed, or surely smaller than δ)",
    "C2": "Perceived attachment predicts outcome more than therapist style (P > |T|)",
    "C3": "Therapist style is negligible for outcome (|T| < δ)",
    "C4": "Therapist style is negligible for perceived attachment",
    "C5": "Patient style predicts perceived attachment",
}
CAPTIONS = {
    "forest": "Both slopes and their contrasts, with the band within which a slope counts as negligible.",
    "caterpillar": "Differences between therapists that the model leaves, without names.",
    "trajectory": "The model's course over the observed means.",
    "flow": "Patients at each step.",
}
SHOWN = 200
SHOWN_FITS = {
    "primary": "primary model (M1)",
    "m1b": "joint model of all scales (M1b)",
    "c4": "therapist style on perceived attachment",
    "c5": "patient style on perceived attachment",
    "growth": "growth model",
}


def build(folder: Path) -> None:
    """Write ``report.html`` and ``methods.md`` from the run's files."""
    from jinja2 import Environment, PackageLoader

    folder = Path(folder)
    methods = methods_text(folder)
    page = Environment(loader=PackageLoader("bowlby.report"), autoescape=True).get_template("report.html")
    write_text(folder / "methods.md", methods)
    write_text(folder / "report.html", page.render(**content(folder), methods=methods))


def content(folder: Path) -> dict:
    """What the page shows; parts that the run did not ask for are None."""
    manifest = read_json(folder / "manifest.json")
    verdict = read_json(folder / "verdict.json") if (folder / "verdict.json").is_file() else None
    paths = {name: folder / f"fits/{name}.json" for name in SHOWN_FITS}
    fits = {name: read_json(path) for name, path in paths.items() if path.is_file()}
    issues = pd.read_csv(folder / "issues.csv", dtype={"row": "Int64"})
    audit = pd.read_csv(folder / "keying_audit.csv")
    reliability = pd.read_csv(folder / "reliability.csv")
    figures = [
        {"name": p.stem, "svg": inline(p), "caption": CAPTIONS[p.stem]}
        for p in sorted((folder / "figures").glob("*.svg"), key=lambda p: list(CAPTIONS).index(p.stem))
    ]
    unsure = audit.loc[(audit["check"] == "key_confidence") & (audit["verdict"] != "ok"), "instrument"].unique()
    return {
        "manifest": manifest,
        "verdict": verdict,
        "claims": CLAIMS,
        "figures": figures,
        "unsure": list(unsure),
        "tables": [(SHOWN_FITS[name], to_html(rounded(fit_table(f)), fit_note(f))) for name, f in fits.items()],
        "issues": []
        if issues.empty
        else [
            (code, severity, len(rows), to_html(rows.head(SHOWN).drop(columns=["code", "severity"])))
            for (code, severity), rows in issues.groupby(["code", "severity"])
        ],
        "second": [
            (SHOWN_FITS[name], second_table(folder / f"fits/second/{name}.json"))
            for name in ("primary", "growth")
            if name in fits
        ],
        "reliability": None if reliability.empty else to_html(reliability.round(3)),
        "audit": None if audit.empty else to_html(audit[audit["verdict"] != "ok"]),
    }


def second_table(path: Path) -> str:
    """The second engine's estimates, and their distance from ours in standard errors."""
    second = read_json(path)
    table = pd.DataFrame(second["fixed"]).rename(columns={"difference_in_se": "difference in SE"}).round(4)
    note = f"{second['engine']}; differs by design: {', '.join(second['differs_by_design'])}."
    return to_html(table, note)


def inline(path: Path) -> str:
    """An SVG for the page: without prologue, and with ids of its own."""
    text = path.read_text("utf-8")
    text = text[text.index("<svg") :]
    for mark in ('id="', "url(#", 'href="#'):
        text = text.replace(mark, f"{mark}{path.stem}-")
    return text


def methods_text(folder: Path) -> str:
    """The methods section, written from what was run."""
    manifest = read_json(folder / "manifest.json")
    run, versions = manifest["config"], manifest["versions"]
    lines = [
        f"Data were analysed with bowlby {versions['bowlby']} (Python {versions['python']}, numpy "
        f"{versions['numpy']}, scipy {versions['scipy']}, pandas {versions['pandas']}, pingouin {versions['pingouin']}). "
        "Questionnaires were scored by their keys and missing-item rules; reliability is Cronbach's alpha."
    ]
    for name in ("primary", "growth"):
        path = folder / f"fits/{name}.json"
        if not path.is_file():
            continue
        fit = read_json(path)
        lines.append(
            f"The {name} model was fitted by {'REML' if fit['reml'] else 'ML'} ({fit['engine']}) to "
            f"{fit['n_obs']} rows ({', '.join(f'{n} {g}s' for g, n in fit['groups'].items())}), with degrees of "
            f"freedom by {DF_METHODS[fit['df_method']]}."
        )
    if run["comparison"]:
        lines.append(
            "Outcome after treatment was regressed on outcome before treatment (within and between therapists), the "
            "registered composite of perceived attachment centred within therapists, and the composite of therapist "
            "style, with a random intercept of therapists and an uncorrelated random slope of perceived attachment; "
            "patients who switched are members of several therapists by share of sessions. The slopes P and T are in "
            "outcome SD per reference SD. P > 0 was tested by its 95 % interval, and held refuted where P is below 0 "
            "or its 90 % interval lies within the bound. P > |T| was tested by an intersection-union test of P-T and "
            "P+T (each one-sided at .025; refuted where either lies below 0 at one-sided .0125), negligibility of T by "
            f"two one-sided tests at .05 with the bound {run['comparison']['delta']:g}. Associations are not causes: "
            "perceived attachment and outcome were rated by the same person."
        )
    return "\n\n".join(lines) + "\n"
