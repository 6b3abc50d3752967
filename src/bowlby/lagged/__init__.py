"""Two series per person that may lead each other: maximum likelihood with effects of persons and of groups."""

from bowlby.lagged.likelihood import Series
from bowlby.lagged.model import Lagged, fit_lagged, jackknife_paths

__all__ = ["Lagged", "Series", "fit_lagged", "jackknife_paths"]
