"""The variance parameters: relative Cholesky factors theta and the relative covariances delta they make.

Each grouping factor has D = Lambda Lambda' (q, q), relative to the residual variance; theta holds the free lower
triangles of Lambda, delta the matching entries of D. delta is a quadratic form in theta, delta_i = theta' T_i
theta / 2, so its Jacobian and second derivatives are a constant tensor away. theta is unconstrained: signs of a
column of Lambda do not matter, and a variance of 0 is the interior point theta = 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_NIL, _LEAST = 1e-6, 0.1


@dataclass(frozen=True)
class Parameter:
    """Entry (a, b), a >= b, of the covariance matrix of factor number `factor`."""

    factor: int
    a: int
    b: int


class Parameters:
    """Index of all variance parameters of a model and the maps between theta, D and delta.

    Attributes
    ----------
    items : list of Parameter
        The entries of delta, block by block, column by column of the lower triangle.
    roots : list of Parameter
        The entries of Lambda that theta fills. The same as `items` unless `first` moves effects of a block to the
        top, so that the SD of the first is |theta| of its only entry (used for profiles).
    diagonal : ndarray of bool
        Which entries of theta are alone in their row or last in it: a variance of 0 needs them to be 0.
    known_zero : ndarray of bool
        Which entries of delta count as known where they are estimated as 0.
    """

    def __init__(self, factors, first: tuple[int, tuple[int, ...]] | None = None):
        self.sizes = [len(f.labels) for f in factors]
        self.items: list[Parameter] = []
        self.roots: list[Parameter] = []
        diagonal = []
        for g, factor in enumerate(factors):
            for positions, _ in factor.blocks:
                rows = positions
                if first is not None and first[0] == g and set(first[1]) <= set(positions):
                    rows = [*first[1], *(k for k in positions if k not in first[1])]
                size = range(len(positions))
                self.items += [Parameter(g, positions[i], positions[j]) for j in size for i in size if i >= j]
                self.roots += [Parameter(g, rows[i], positions[j]) for j in size for i in size if i >= j]
                diagonal += [i == j for j in size for i in size if i >= j]
        self.count = len(self.items)
        self.known_zero = np.array([t.a == t.b and factors[t.factor].labels[t.a] in factors[t.factor].known_zero
                                    for t in self.items], dtype=bool)
        self.diagonal = np.array(diagonal, dtype=bool)
        self.tensor = self._tensor()
        self._row = np.array([[float((t.factor, t.a) == (u.factor, u.a)) for u in self.roots] for t in self.roots])

    def _tensor(self) -> np.ndarray:
        tensor = np.zeros((self.count, self.count, self.count))
        for i, d in enumerate(self.items):
            for j, x in enumerate(self.roots):
                for k, y in enumerate(self.roots):
                    if d.factor == x.factor == y.factor and x.b == y.b:
                        tensor[i, j, k] = (d.a == x.a and d.b == y.a) + (d.b == x.a and d.a == y.a)
        return tensor

    def blocks(self) -> list[list[int]]:
        """Entries of theta that belong together: those of one set of effects that may covary."""
        out: list[list[int]] = []
        seen: dict = {}
        for k, t in enumerate(self.roots):
            ends = {(t.factor, t.a), (t.factor, t.b)}
            home = next((seen[e] for e in ends if e in seen), None)
            if home is None:
                home = len(out)
                out.append([])
            out[home].append(k)
            seen |= dict.fromkeys(ends, home)
        return out

    def jacobian(self, theta: np.ndarray) -> np.ndarray:
        """d delta / d theta, (count, count)."""
        return self.tensor @ theta

    def bend(self, gradient: np.ndarray) -> np.ndarray:
        """sum_i gradient_i d^2 delta_i / d theta^2, (count, count)."""
        return (gradient @ self.tensor.reshape(self.count, -1)).reshape(self.count, self.count)

    def delta(self, theta: np.ndarray) -> np.ndarray:
        return 0.5 * self.jacobian(theta) @ theta

    def lambdas(self, theta: np.ndarray) -> list[np.ndarray]:
        out = [np.zeros((q, q)) for q in self.sizes]
        for value, t in zip(theta, self.roots):
            out[t.factor][t.a, t.b] = value
        return out

    def covariances(self, delta: np.ndarray) -> list[np.ndarray]:
        """D of each factor from delta."""
        out = [np.zeros((q, q)) for q in self.sizes]
        for value, t in zip(delta, self.items):
            out[t.factor][t.a, t.b] = out[t.factor][t.b, t.a] = value
        return out

    def nil(self, theta: np.ndarray) -> np.ndarray:
        """Diagonal entries of theta (..., count) that are 0 to rounding: there D has lost a rank.

        An entry counts as 0 at a millionth of its row of Lambda, whose length is the effect's relative SD. Rounding of
        the criterion, 1e-12 or more of its size, cannot tell such a correlation from 1.
        """
        size = np.sqrt(theta**2 @ self._row)
        return self.diagonal & (np.abs(theta) <= _NIL * np.maximum(size, _LEAST))

    def in_units(self, maps: list[np.ndarray]) -> np.ndarray:
        """U (count, count) with U delta the entries of T D T' of each factor, T (q, q) from `maps`."""
        unit = np.zeros((self.count, self.count))
        for j in range(self.count):
            column = self.covariances(np.eye(self.count)[j])
            turned = [t @ d @ t.T for t, d in zip(maps, column)]
            unit[:, j] = [turned[i.factor][i.a, i.b] for i in self.items]
        return unit

    def start(self, value: float) -> np.ndarray:
        return np.where(self.diagonal, value, 0.0)

    def cholesky(self, covariances: list[np.ndarray]) -> np.ndarray:
        """theta from D of each factor; a vanishing pivot gives a column of zeros."""
        theta = np.zeros(self.count)
        for k, t in enumerate(self.roots):
            # Entries are listed column by column, so all earlier columns are done.
            same = [(j, u) for j, u in enumerate(self.roots[:k]) if u.factor == t.factor]
            d = covariances[t.factor]
            row = {u.b: theta[j] for j, u in same if u.a == t.a and u.b != t.b}
            pivot_k = k if self.diagonal[k] else max(j for j, u in same if u.b == t.b and self.diagonal[j])
            pivot = self.roots[pivot_k]
            pivot_row = {u.b: theta[j] for j, u in same if u.a == pivot.a and u.b != t.b}
            left = d[t.a, pivot.a] - sum(v * pivot_row.get(b, 0.0) for b, v in row.items())
            if self.diagonal[k]:
                theta[k] = np.sqrt(max(left, 0.0)) if left > 1e-14 * d[t.a, t.a] else 0.0
            elif theta[pivot_k] > 0:
                theta[k] = left / theta[pivot_k]
        return theta

    def tidy_signs(self, theta: np.ndarray) -> np.ndarray:
        """The equivalent theta with no negative diagonal."""
        out = theta.copy()
        for k in np.flatnonzero(self.diagonal):
            if out[k] < 0:
                t = self.items[k]
                for j, u in enumerate(self.items):
                    if u.factor == t.factor and u.b == t.b:
                        out[j] = -out[j]
        return out + 0.0

    def entries(self, i: int) -> list[tuple[int, int]]:
        """Index pairs of the symmetric pattern matrix E_i."""
        t = self.items[i]
        return [(t.a, t.a)] if t.a == t.b else [(t.a, t.b), (t.b, t.a)]
