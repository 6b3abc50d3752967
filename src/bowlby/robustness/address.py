"""Addresses of replicates: each draws from its own numbers, whoever computes it and in whatever order."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Address:
    """Where a replicate's random numbers come from.

    Attributes
    ----------
    seed : int
        The run's seed.
    kind : str
        What is drawn, such as ``parametric``.
    number : int
        The replicate.
    """

    seed: int
    kind: str
    number: int

    def __str__(self) -> str:
        return f"{self.seed}/{self.kind}/{self.number}"

    def sequence(self, *parts: int) -> np.random.SeedSequence:
        """Seed of the replicate, or of one of its parts."""
        return np.random.SeedSequence((self.seed, zlib.crc32(self.kind.encode())), spawn_key=(self.number, *parts))

    def generator(self, *parts: int) -> np.random.Generator:
        """Generator on :meth:`sequence`."""
        return np.random.default_rng(self.sequence(*parts))
