"""Signs in the run's file that contradict what the key of a questionnaire says of its scales."""

from __future__ import annotations

from bowlby.config import Loaded
from bowlby.config.blocks import Block
from bowlby.config.run import Run
from bowlby.design.requirements import ROLES, instruments_of
from bowlby.errors import Problem, problem
from bowlby.instruments.model import Instrument
from bowlby.instruments.published_norms import SIGN


def contrary_directions(loaded: Loaded) -> list[Problem]:
    """Composites and outcomes whose direction is the opposite of their key's, one line each.

    A composite of attachment or alliance counts as security, so each sentence on it would be reversed. Scales whose
    key gives no direction (those of the CATS) are passed over, as is a composite with scales of both kinds.

    Parameters
    ----------
    loaded : Loaded
    """
    instruments = instruments_of(loaded)
    lines = [line for key, block in _blocks(loaded.run).items() if (line := _of_block(key, block, instruments))]
    outcomes = {"outcome": loaded.run.outcome} if loaded.run.outcome else {}
    outcomes |= {f"other_outcomes[{n}]": outcome for n, outcome in enumerate(loaded.run.other_outcomes)}
    for key, outcome in outcomes.items():
        sign, given = _sign(instruments, outcome.instrument, outcome.scale), 1.0 if outcome.higher_is_better else -1.0
        if sign * given < 0:
            is_so, should = ("true", "worse") if given > 0 else ("false", "better")
            what = f"{key}.higher_is_better is {is_so}, but a higher {outcome.instrument} {outcome.scale} is {should}"
            lines.append(problem(what, "correct it, or the direction of every association with it is reversed"))
    return loaded.located(lines)


def _blocks(run: Run) -> dict[str, Block]:
    given = {f"comparison.{name}": getattr(run.comparison, name) for name in ROLES} if run.comparison else {}
    given |= {f"growth.{name}": block for name, block in run.growth.predictors.items()} if run.growth else {}
    return {key: block for key, block in given.items() if block is not None}


def _of_block(key: str, block: Block, instruments: dict[str, Instrument]) -> Problem | None:
    signs = {scale: _sign(instruments, block.instrument, scale) * weight for scale, weight in block.weights.items()}
    known = {scale: sign for scale, sign in signs.items() if sign}
    if not known or max(known.values()) > 0:
        return None
    worse = [scale for scale in known if block.weights[scale] > 0]
    word, sign = ("worse", "negative") if worse else ("better", "positive")
    what = f"{key}.weights: higher scores on {', '.join(known)} of {block.instrument} are {word}"
    return problem(
        what, f"give {sign} weights, or every sentence on this composite says the opposite of what was found"
    )


def _sign(instruments: dict[str, Instrument], name: str, scale: str) -> float:
    """1 if a higher score is better, -1 if it is worse, 0 if the key does not say."""
    scales = instruments[name].all_scales() if name in instruments else {}
    return SIGN.get(scales[scale].higher, 0.0) if scale in scales else 0.0
