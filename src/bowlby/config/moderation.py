"""Interactions that `moderation:` names, and what is wrong with them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from bowlby.errors import Problem, problem

PREDICTORS = {"perceived": "comparison", "therapist_style": "comparison", "first": "pair", "second": "pair"}
"""Predictors whose slope may be moderated, and the analysis that has them."""
MODERATORS = {"comparison": ("perceived", "therapist_style", "patient_style", "alliance", "mentalizing"),
              "pair": ("first", "second")}  # fmt: skip
"""Scales of an analysis that may moderate."""
PRETEST = "pretest"
"""Moderator: the outcome before treatment, as severity."""
PATTERN = r"^(perceived|therapist_style|first|second)(\.\S+)? by \S.*$"


@dataclass(frozen=True)
class Interaction:
    """A predictor and its moderator, each a composite or one scale of it.

    Attributes
    ----------
    text : str
        As written in the configuration.
    predictor, moderator : str
        A part of the comparison or the pair; the moderator may also be ``pretest`` or a patient variable.
    scale, moderator_scale : str or None
        None for the composite.
    """

    text: str
    predictor: str
    scale: str | None
    moderator: str
    moderator_scale: str | None

    @classmethod
    def read(cls, text: str) -> Interaction:
        """Of a line such as ``therapist_style by patient_style.anxiety`` that matches :data:`PATTERN`."""
        left, _, right = text.partition(" by ")
        predictor, _, scale = left.strip().partition(".")
        moderator, moderator_scale = right.strip(), ""
        if moderator.partition(".")[0] in MODERATORS[PREDICTORS[predictor]]:
            moderator, _, moderator_scale = moderator.partition(".")
        return cls(text, predictor, scale or None, moderator, moderator_scale or None)

    @property
    def analysis(self) -> str:
        """The analysis that the predictor belongs to: ``comparison`` or ``pair``."""
        return PREDICTORS[self.predictor]

    @property
    def scales(self) -> bool:
        """Whether the moderator is a scale of the analysis, and not the pretest or a patient variable."""
        return self.moderator in MODERATORS[self.analysis]

    @property
    def name(self) -> str:
        """Name of its analysis set and of its model."""
        return "moderation_" + re.sub(r"\W+", "_", self.text.replace(" by ", "_by_")).strip("_").lower()


def interactions(run: Any) -> list[Interaction]:
    """The interactions of a run's file."""
    return [Interaction.read(text) for text in run.moderation]


def unmet_interactions(run: Any, variables: list[str]) -> list[Problem]:
    """What the interactions name and the run or the study does not have, one line each.

    Parameters
    ----------
    run : Run
    variables : list of str
        Patient variables of the study.
    """
    lines, known = [], set()
    for one in interactions(run):
        key = f"moderation: '{one.text}'"
        if one.name in known:
            lines.append(problem(f"{key} is listed twice", "delete one of the two"))
        known.add(one.name)
        asked = getattr(run, one.analysis)
        if asked is None:
            lines.append(problem(f"{key} needs `{one.analysis}:`", "add it, or delete this interaction"))
            continue
        lines += _no_scale(key, asked, one.predictor, one.scale)
        if one.scales:
            lines += _no_scale(key, asked, one.moderator, one.moderator_scale)
            if one.moderator == one.predictor:
                lines.append(problem(f"{key}: predictor and moderator are the same", "name another moderator"))
        elif one.moderator == PRETEST:
            if not (run.outcome.pre or run.outcome.after):
                what = f"{key}: there is no outcome before treatment"
                lines.append(problem(what, "give outcome.pre, or name another moderator"))
        elif one.moderator not in variables:
            choice = ", ".join([PRETEST, *(m for m in MODERATORS[one.analysis] if getattr(asked, m)), *variables])
            lines.append(
                problem(f"{key}: the study has no patient variable '{one.moderator}'",
                        f"add it to `covariates:` of a file, or choose one of {choice}")
            )  # fmt: skip
    return lines


def _no_scale(key: str, asked: Any, variable: str, scale: str | None) -> list[Problem]:
    """That the analysis lacks a variable, or the variable a scale."""
    block, analysis = getattr(asked, variable), type(asked).__name__.lower()
    if block is None:
        return [problem(f"{key}: the {analysis} has no {variable}", f"add `{analysis}.{variable}:`")]
    if scale is None or scale in block.weights:
        return []
    what = f"{key}: '{scale}' is not among the weights of {analysis}.{variable}"
    return [problem(what, f"use one of {', '.join(block.weights)}, or none for the composite")]
