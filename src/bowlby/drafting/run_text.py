"""The draft of a run's file: the outcome, and the comparison where both sides are there."""

from __future__ import annotations

import re

from bowlby.config.guesses import MARK
from bowlby.config.study import FILL
from bowlby.config.yamlfile import quoted
from bowlby.drafting.matching import Match
from bowlby.drafting.naming import Block
from bowlby.drafting.occasions import is_later
from bowlby.drafting.study_text import ATTACHMENT, Part, flow, occasions_of
from bowlby.instruments.catalogue import load_instrument

SCORES = (
    "scores: {}  # reads, scores and audits; a study with an outcome has `outcome:` and `comparison:` in its place",
)


def run_text(name: str, parts: list[Part], occasions: list[str], timed: bool) -> str:
    """The draft of a run's file: the outcome, and the comparison where both sides are there."""
    brought = [(p.roles.role, b, m) for p in parts for b, m in p.matched if m.named]
    outcome, scale = _outcome(brought)
    post = next((o for o in reversed(occasions[1:]) if not is_later(o)), occasions[-1])
    run = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60] or "study"
    lines = [
        "# Draft of a run's file, made by `bowlby init`. Every key is explained in config/README.md.",
        f"run: {run}",
        f"title: {quoted(_title(name))}  {MARK} title of the report",
        "study: study.yaml",
        "privacy: shareable    # shows no single patient; `internal` does",
        "outcome:",
        f"  instrument: {outcome}  {MARK} the registered primary outcome",
        f"  scale: {scale}",
        f"  pre: {quoted(occasions[0])}  {MARK} occasion before treatment",
        f"  post: {quoted(post)}  {MARK} occasion of the outcome",
    ]
    suspected = [(p.roles.role, Match(o.instrument)) for p in parts for o in p.odd if o.instrument]
    felt = {m.instrument: own for p in parts for b, m in p.matched if (own := occasions_of(p, b))}
    lines += _comparison([(role, m) for role, _, m in brought], suspected, occasions, post, felt)
    if outcome == FILL and not any(line.startswith("comparison:") for line in lines):
        return "\n".join([*lines[:5], *SCORES, *lines[10:]]) + "\n"
    if lines[-1].startswith("#"):
        lines.append(
            f"growth: {{reml: true}}{'' if timed else f'  {MARK} needs `time` in the occasions; else delete this line'}"
        )
    return "\n".join(lines) + "\n"


def _title(name: str) -> str:
    words = re.sub(r"[_\W]+", " ", name).strip()
    return words[:1].upper() + words[1:] or "Study"


def _comparison(
    brought: list[tuple[str, Match]],
    suspected: list[tuple[str, Match]],
    occasions: list[str],
    post: str,
    known: dict[str, list[str]],
) -> list[str]:
    """The comparison where both sides are there; else as a comment to fill in, with what there is, or may be."""
    felt, own = _first(brought, "patient", "cats"), _first(brought, "therapist", *ATTACHMENT)
    own = own or _first(brought, "therapist", "")
    if felt and own:
        sides = [
            *_block(felt, "therapist", _before(felt, occasions, post, known)),
            "  therapist_style:",
            *_block(own, "self", None),
        ]
        return ["comparison:", "  perceived:", *sides]
    every = [*brought, *suspected]
    felt = felt or _first(every, "patient", *ATTACHMENT)
    own = own or _first(every, "therapist", *ATTACHMENT)
    lines = ["comparison:", "  perceived:", *_block(felt, "therapist", _before(felt, occasions, post, known))]
    lines += ["  therapist_style:", *_block(own, "self", None)]
    why = (
        "# The comparison needs patients' perceived attachment to the therapist, and the therapists' own style.",
        "# If the study has both, fill in the lines below and delete the marks:",
    )
    return [*why, *(f"# {line}" for line in lines)]


def _before(felt: Match | None, occasions: list[str], post: str, known: dict[str, list[str]]) -> str:
    """The occasion of perceived attachment: the middle one, or the last before the outcome at which it was asked."""
    asked = (known.get(felt.instrument) if felt else None) or occasions
    before = [o for o in occasions[: occasions.index(post)] if o in asked]
    middle = occasions[len(occasions) // 2]
    return middle if middle in before else before[-1] if before else asked[0]


def _first(brought: list[tuple[str, Match]], role: str, *families: str) -> Match | None:
    return next((m for who, m in brought if who == role and m.instrument.startswith(families)), None)


def _outcome(brought: list[tuple[str, Block, Match]]) -> tuple[str, str]:
    for role, _, match in brought:
        scales = load_instrument(match.instrument).all_scales()
        scale = match.scale or ("total" if "total" in scales else None)
        if role == "patient" and scale and scales[scale].higher == "worse":
            return match.instrument, scale
    return FILL, "total"


def _block(match: Match | None, about: str, occasion: str | None) -> list[str]:
    """A side of the comparison; what is not known is to be filled in."""
    lines = [f"    occasion: {quoted(occasion)}  {MARK} patients must know their therapist by then"] if occasion else []
    if match is None:
        unknown = f"    weights: {{{FILL}: 1}}  {MARK} scale: weight, as registered"
        return [f"    instrument: {FILL}  {MARK} none in these files", f"    about: {about}", *lines, unknown]
    signs: dict[str | None, int] = {"better": 1, "worse": -1}
    scales = load_instrument(match.instrument).scales
    weights = {name: signs.get(scale.higher, 1 if name == "secure" else -1) for name, scale in scales.items()}
    said = " the same in study.yaml, at this questionnaire" if about != "self" else ""
    head = [f"    instrument: {match.instrument}", f"    about: {about}  {MARK}{said}"]
    return [*head, *lines, f"    weights: {flow(weights)}  {MARK} as registered"]
