"""The draft of a run's file."""

from __future__ import annotations

import re

from bowlby.config.study import FILL
from bowlby.draft.blocks import Block
from bowlby.draft.match import Match
from bowlby.draft.write import MARK, Part, flow, quoted
from bowlby.instruments.catalogue import load_instrument


def run_text(name: str, parts: list[Part], occasions: list[str], timed: bool) -> str:
    """The draft of a run's file: the outcome, and the comparison where both sides are there."""
    brought = [(p.roles.role, b, m) for p in parts for b, m in p.matched if m.named]
    outcome, scale = _outcome(brought)
    run = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60] or "study"
    lines = [
        "# Draft of a run's file, made by `bowlby init`. Every key is explained in config/README.md.",
        f"run: {run}",
        "study: study.yaml",
        "privacy: shareable    # shows no single patient; `internal` does",
        "outcome:",
        f"  instrument: {outcome}  {MARK} the registered primary outcome",
        f"  scale: {scale}",
        f"  pre: {quoted(occasions[0])}  {MARK} occasion before treatment",
        f"  post: {quoted(occasions[-1])}  {MARK} occasion of the outcome",
    ]
    perceived = [m for role, b, m in brought if role == "patient" and m.instrument.startswith("cats")]
    own = [m for role, b, m in brought if role == "therapist"]
    if perceived and own:
        lines += [
            "comparison:",
            "  perceived:",
            *_block(perceived[0], "therapist", occasions[len(occasions) // 2]),
            "  therapist_style:",
            *_block(own[0], "self", None),
        ]
    else:
        lines.append(
            "# The comparison needs attachment to the therapist from patients and the therapists' own style; "
            "then add `comparison:`."
        )
        lines.append(f"growth: {{reml: true}}{'' if timed else f'  {MARK} needs `time` in the occasions'}")
    return "\n".join(lines) + "\n"


def _outcome(brought: list[tuple[str, Block, Match]]) -> tuple[str, str]:
    for role, _, found in brought:
        scales = load_instrument(found.instrument).all_scales()
        scale = found.scale or ("total" if "total" in scales else None)
        if role == "patient" and scale and scales[scale].higher == "worse":
            return found.instrument, scale
    return FILL, "total"


def _block(found: Match, about: str, occasion: str | None) -> list[str]:
    signs = {"better": 1, "worse": -1}
    scales = load_instrument(found.instrument).scales
    weights = {name: signs.get(scale.higher, 1 if name == "secure" else -1) for name, scale in scales.items()}
    lines = [f"    instrument: {found.instrument}", f"    about: {about}"]
    lines += [f"    occasion: {quoted(occasion)}  {MARK}"] if occasion else []
    return [*lines, f"    weights: {flow(weights)}  {MARK} as registered"]
