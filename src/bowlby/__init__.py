"""bowlby: does perceived attachment predict outcome more strongly than the therapist's own style?

The names below are the public interface. Each is imported when it is first used, so that ``import bowlby`` takes a few
hundredths of a second.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bowlby.errors import UserError
    from bowlby.instruments.catalogue import load_instrument
    from bowlby.instruments.frames import reliability, score
    from bowlby.mixed.model import MixedModel
    from bowlby.results import load_results
    from bowlby.simulate.planning import plan_study
    from bowlby.simulate.study import simulate_study

__all__ = [
    "MixedModel",
    "UserError",
    "load_instrument",
    "load_results",
    "plan_study",
    "reliability",
    "score",
    "simulate_study",
]

_MODULES = {
    "MixedModel": "mixed.model",
    "UserError": "errors",
    "load_instrument": "instruments.catalogue",
    "load_results": "results",
    "plan_study": "simulate.planning",
    "reliability": "instruments.frames",
    "score": "instruments.frames",
    "simulate_study": "simulate.study",
}


def __getattr__(name: str):
    if name in _MODULES:
        value = getattr(import_module(f"bowlby.{_MODULES[name]}"), name)
    elif name == "__version__":
        from importlib.metadata import PackageNotFoundError, version

        try:
            value = version("bowlby")
        except PackageNotFoundError:  # imported from a checkout that was never installed
            value = "0+unknown"
    else:
        raise AttributeError(f"module 'bowlby' has no attribute '{name}'")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "__version__"})
