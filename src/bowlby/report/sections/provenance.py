"""Where the numbers come from: versions, inputs, seed."""

from __future__ import annotations

from bowlby.report.section import Section, render
from bowlby.results import Results


def provenance(results: Results) -> Section | None:
    """Versions and checksums; None without a manifest."""
    manifest = results.manifest
    if not manifest:
        return None
    html = render(
        "provenance.html",
        run=manifest.get("run"),
        seed=manifest.get("seed"),
        git=manifest.get("git") or {},
        versions=manifest.get("versions") or {},
        inputs=manifest.get("inputs") or {},
    )
    return Section("provenance", "Provenance", html)
