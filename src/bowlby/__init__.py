"""bowlby: does perceived attachment predict outcome more than the therapist's own style?"""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("bowlby")
except PackageNotFoundError:  # imported from a checkout that was never installed
    __version__ = "0+unknown"
