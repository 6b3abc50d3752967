"""The likelihood of two series per person: a first-order process around random intercepts of persons and groups."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

STEP = 1e-30
"""Imaginary step of derivatives: exact to machine precision."""
SESSIONS = 12
"""Times with a mean of their own; from there on the means follow a straight line."""
LEAST = 1e-4
"""SD that is left of a value (of SD 1) given those before it, below which rounding decides the likelihood."""
FEW = 64
"""Patterns up to which persons are multiplied pattern by pattern."""


@dataclass(frozen=True)
class Series:
    """Two series of many persons; rows in order of person, process and time.

    Attributes
    ----------
    values : ndarray (n, 2)
        NaN where one of the two is missing.
    person, process, time : ndarray of int (n,)
        A process begins anew where the person's series is interrupted; ``time`` counts in whole steps.
    group : ndarray of int (n,) or None
        0, 1, ...; None where no group has an effect.
    """

    values: np.ndarray
    person: np.ndarray
    process: np.ndarray
    time: np.ndarray
    group: np.ndarray | None = None

    @cached_property
    def offset(self) -> np.ndarray:
        """Steps since the beginning of the process (n,)."""
        _, first, which = np.unique(self.process, return_index=True, return_inverse=True)
        return self.time - self.time[first][which]


@dataclass(frozen=True)
class Bucket:
    """Persons with the same number of rows m, by pattern: what their covariance and means depend on besides parameters.

    Attributes
    ----------
    code : ndarray of int (u, m, m)
        Place of each block of the covariance in the table of blocks, lower triangle; the last place is 0.
    seen : ndarray of bool (u, 2m)
    x, z, t : ndarray (u, 2m, p), (u, 2m, q), (u, 2m, 2k)
        Designs of means, persons' effects and groups' effects.
    pattern, unit : ndarray of int (persons,)
    columns : ndarray of int (persons, 2k)
        Of the unit's effects.
    y : ndarray (persons, 2m)
    """

    code: np.ndarray
    seen: np.ndarray
    x: np.ndarray
    z: np.ndarray
    t: np.ndarray
    pattern: np.ndarray
    unit: np.ndarray
    columns: np.ndarray
    y: np.ndarray

    @cached_property
    def count(self) -> np.ndarray:
        """Persons by pattern (u,)."""
        return np.bincount(self.pattern, minlength=len(self.code)).astype(float)

    @cached_property
    def both(self) -> np.ndarray:
        """Cells of the covariance whose two values are there (u, 2m, 2m)."""
        return self.seen[:, :, None] & self.seen[:, None, :]

    @cached_property
    def xt(self) -> np.ndarray:
        return np.swapaxes(self.x, -1, -2)

    @cached_property
    def zt(self) -> np.ndarray:
        return np.swapaxes(self.z, -1, -2)

    @cached_property
    def tt(self) -> np.ndarray:
        return np.swapaxes(self.t, -1, -2)

    @cached_property
    def _diagonal(self) -> np.ndarray:
        return np.kron(np.eye(self.code.shape[1], dtype=bool), np.ones((2, 2), bool))

    def covariance(self, blocks: np.ndarray) -> np.ndarray:
        """Symmetric matrices (u, 2m, 2m) from the table of blocks (places, 2, 2)."""
        u, m = self.code.shape[:2]
        lower = blocks[self.code].swapaxes(2, 3).reshape(u, 2 * m, 2 * m)
        return np.where(self._diagonal, lower, lower + np.swapaxes(lower, -1, -2))

    def times(self, matrices: np.ndarray, vectors: np.ndarray) -> np.ndarray:
        """Each person's vector times the (symmetric) matrix of the pattern."""
        if len(matrices) > FEW:
            return np.einsum("iab,ib->ia", matrices[self.pattern], vectors)
        product = np.empty_like(vectors)
        for u, matrix in enumerate(matrices):
            product[self.pattern == u] = vectors[self.pattern == u] @ matrix
        return product

    def summed(self, vectors: np.ndarray) -> np.ndarray:
        """Sum over the persons of each pattern."""
        total = np.zeros((len(self.code), *vectors.shape[1:]))
        np.add.at(total, self.pattern, vectors)
        return total

    def squares(self, vectors: np.ndarray) -> np.ndarray:
        """Sum of v v' over the persons of each pattern."""
        if len(self.code) > FEW:
            return self.summed(vectors[:, :, None] * vectors[:, None, :])
        return np.stack([(v := vectors[self.pattern == u]).T @ v for u in range(len(self.code))])


def means(time: np.ndarray, trend: bool, last: int) -> np.ndarray:
    """Design of one series' means: a constant, or a mean for each of the first times and a straight line from there."""
    if not trend:
        return np.ones((*time.shape, 1))
    steps = np.arange(min(last, SESSIONS - 1) + 1)
    design = (np.minimum(time, SESSIONS - 1)[..., None] == steps).astype(float)
    return design if last < SESSIONS else np.concatenate([design, np.maximum(time - SESSIONS + 1, 0)[..., None]], -1)


class Likelihood:
    """Log-likelihood and gradient; means are profiled out.

    Parameters
    ----------
    series : Series
    trend : {"none", "mean", "person"}
        Means that are constant; that follow time; and persons' own straight lines besides.
    stationary : bool
        Processes begin in their stationary distribution; by default their first covariance is free.

    Notes
    -----
    A row is z = X b + v_group + u_person (+ time s_person) + w with w_t = F^k w_s + e over a gap of k steps,
    Cov(e) = sum_{l<k} F^l Q F^l'. Cov(w_t, w_s) = F^(t-s) G(s), G the covariance of w, is looked up in a table by lag
    and steps since the process began, so that neither cost nor gradient depend on how many persons share a pattern.
    Groups enter by Woodbury: with D the persons' blocks, S = T'D^-1 T and M = (I + PS)^-1 P, P the groups' covariance,
    V^-1 = D^-1 - D^-1 T M T' D^-1. Parameters: F by row; lower triangles of Cholesky factors of Q, of the first
    covariance unless stationary, of persons' and of groups' effects.
    """

    def __init__(self, series: Series, trend: str = "mean", stationary: bool = False):
        self.series, self.trend, self.stationary = series, trend, stationary
        self.steps = int(series.offset.max()) + 1
        self.effects = 4 if trend == "person" else 2
        self.sizes = [2, *([] if stationary else [2]), self.effects, *([2] if series.group is not None else [])]
        self.buckets = list(self._buckets())
        self.n_values = int(np.isfinite(series.values).sum())

    @property
    def n_parameters(self) -> int:
        """Of the covariance."""
        return 4 + sum(k * (k + 1) // 2 for k in self.sizes)

    def factors(self, theta: np.ndarray) -> list[np.ndarray]:
        """Cholesky factors (..., k, k) in the order of the parameters."""
        made, at = [], 4
        for k in self.sizes:
            rows, columns = np.tril_indices(k)
            factor = np.zeros((*theta.shape[:-1], k, k), theta.dtype)
            factor[..., rows, columns] = theta[..., at : at + len(rows)]
            made.append(factor)
            at += len(rows)
        return made

    def table(self, theta: np.ndarray) -> np.ndarray:
        """Blocks F^lag G(offset): (..., lag, offset, 2, 2)."""
        f, (root, *others) = theta[..., :4].reshape(*theta.shape[:-1], 2, 2), self.factors(theta)
        flip = np.swapaxes(f, -1, -2)
        q = root @ np.swapaxes(root, -1, -2)
        if self.stationary:
            kron = np.einsum("...ab,...cd->...acbd", f, f).reshape(*f.shape[:-2], 4, 4)
            first = np.linalg.solve(np.eye(4) - kron, q.reshape(*q.shape[:-2], 4, 1)).reshape(q.shape)
        else:
            first = others[0] @ np.swapaxes(others[0], -1, -2)
        power, state = [np.broadcast_to(np.eye(2, dtype=theta.dtype), f.shape)], [first]
        for _ in range(1, self.steps):
            power.append(f @ power[-1])
            state.append(f @ state[-1] @ flip + q)
        return np.stack(power, -3)[..., :, None, :, :] @ np.stack(state, -3)[..., None, :, :, :]

    def within(self, theta: np.ndarray) -> np.ndarray:
        """Covariance (..., 2, 2) of the within-process, on average over the rows."""
        share = np.bincount(self.series.offset, minlength=self.steps) / len(self.series.offset)
        return np.einsum("o,...oab->...ab", share, self.table(theta)[..., 0, :, :, :])

    def value(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Log-likelihood and its gradient (parameters,); minus infinity where the parameters are not allowed."""
        theta = np.asarray(theta, float)
        nowhere = -np.inf, np.zeros_like(theta)
        if self.stationary and np.abs(np.linalg.eigvals(theta[:4].reshape(2, 2))).max() >= 0.999:
            return nowhere
        factors, blocks = self.factors(theta), self.table(theta).reshape(-1, 2, 2)
        try:
            state = self._solve(np.concatenate([blocks, np.zeros((1, 2, 2))]), factors)
        except np.linalg.LinAlgError:
            return nowhere
        if not np.isfinite(state["llf"]):
            return nowhere
        self.beta, self.beta_cov, self.group_effects = state["beta"], state["beta_cov"], state["v"]
        return state["llf"], self._gradient(theta, factors, state)

    def _solve(self, blocks: np.ndarray, factors: list[np.ndarray]) -> dict:
        """All that the value needs, and the gradient reads."""
        person = factors[1 if self.stationary else 2]
        psi = person @ person.T
        p = self.buckets[0].x.shape[-1]
        xx, xy, yy, logdet = np.zeros((p, p)), np.zeros(p), 0.0, 0.0
        shape = self.units
        s, hx, hy = np.zeros((*shape, shape[1])), np.zeros((*shape, p)), np.zeros(shape)
        solved = []
        for b in self.buckets:
            v = b.covariance(blocks) + b.z @ psi @ b.zt
            v = np.where(b.both, v, np.eye(v.shape[-1]))
            pivots = np.diagonal(np.linalg.cholesky(v), axis1=-2, axis2=-1)
            if pivots.min() < LEAST:
                raise np.linalg.LinAlgError("rounding would decide the likelihood")
            logdet += 2 * (b.count @ np.log(pivots).sum(-1))
            inverse = np.linalg.inv(v)
            ix, it, iy = inverse @ b.x, inverse @ b.t, b.times(inverse, b.y)
            xx += (b.count[:, None, None] * (b.xt @ ix)).sum(0)
            xy += np.einsum("uap,ua->p", b.x, b.summed(iy))
            yy += np.sum(b.y * iy)
            if shape[0]:
                at = (b.unit[:, None], b.columns)
                tt, tx = b.tt @ it, b.tt @ ix
                np.add.at(s, (b.unit[:, None, None], b.columns[:, :, None], b.columns[:, None, :]), tt[b.pattern])
                np.add.at(hx, at, tx[b.pattern])
                np.add.at(hy, at, np.einsum("iak,ia->ik", b.t[b.pattern], iy))
            solved.append((inverse, it, iy))
        m = np.zeros_like(s)
        if shape[0]:
            spread = np.kron(np.eye(shape[1] // 2), factors[-1] @ factors[-1].T)
            inner = np.eye(shape[1]) + spread @ s
            m = np.linalg.solve(inner, np.broadcast_to(spread, s.shape))
            logdet += np.linalg.slogdet(inner)[1].sum()
            mx, my = m @ hx, np.einsum("bkl,bl->bk", m, hy)
            xx -= np.einsum("bkp,bkq->pq", hx, mx)
            xy -= np.einsum("bkp,bk->p", hx, my)
            yy -= np.sum(hy * my)
        beta_cov = np.linalg.pinv(xx)
        beta = beta_cov @ xy
        h = hy - hx @ beta
        llf = -0.5 * (self.n_values * np.log(2 * np.pi) + logdet + yy - beta @ xy)
        return {"llf": llf, "beta": beta, "beta_cov": beta_cov, "s": s, "m": m, "h": h,
                "v": np.einsum("bkl,bl->bk", m, h), "solved": solved}  # fmt: skip

    def _gradient(self, theta: np.ndarray, factors: list[np.ndarray], state: dict) -> np.ndarray:
        """By the covariance's derivatives; the means are at their maximum, so that they do not enter."""
        per_block, person = np.zeros((self.steps**2 + 1, 2, 2)), np.zeros((self.effects, self.effects))
        for b, (inverse, it, iy) in zip(self.buckets, state["solved"], strict=True):
            alpha = iy - (inverse @ b.x @ state["beta"])[b.pattern]
            spread = b.count[:, None, None] * inverse
            if self.units[0]:
                alpha -= np.einsum("iak,ik->ia", it[b.pattern], state["v"][b.unit[:, None], b.columns])
                own = state["m"][b.unit[:, None, None], b.columns[:, :, None], b.columns[:, None, :]]
                spread = spread - it @ b.summed(own) @ np.swapaxes(it, -1, -2)
            g = np.where(b.both, 0.5 * (b.squares(alpha * b.seen[b.pattern]) - spread), 0.0)
            person += (b.zt @ g @ b.z).sum(0)
            m = b.code.shape[1]
            each = g.reshape(len(g), m, 2, m, 2).swapaxes(2, 3) * (2.0 - np.eye(m))[None, :, :, None, None]
            for r, c in np.ndindex(2, 2):
                per_block[:, r, c] += np.bincount(b.code.ravel(), each[..., r, c].ravel(), len(per_block))
        inner = 4 + 3 * (len(self.sizes) - 1 - (self.units[0] > 0))
        moved = self.table(theta + 1j * STEP * np.eye(len(theta))[:inner]).imag / STEP
        gradient = np.einsum("kbrc,brc->k", moved.reshape(inner, -1, 2, 2), per_block[:-1])
        tails = [2 * person @ factors[1 if self.stationary else 2]]
        if self.units[0]:
            left = state["h"] - np.einsum("bkl,bl->bk", state["s"], state["v"])
            rest = np.einsum("bk,bl->bkl", left, left) - (state["s"] - state["s"] @ state["m"] @ state["s"])
            k = self.units[1] // 2
            tails.append(np.einsum("bjrjc->rc", rest.reshape(-1, k, 2, k, 2)) @ factors[-1])
        return np.concatenate([gradient, *(tail[np.tril_indices(len(tail))] for tail in tails)])

    @cached_property
    def units(self) -> tuple[int, int]:
        """Sets of groups that share no person, and columns of effects in each; one set of all where persons change."""
        if self.series.group is None:
            return 0, 2
        n = int(self.series.group.max()) + 1
        return (1, 2 * n) if self._changes else (n, 2)

    @cached_property
    def _changes(self) -> bool:
        """Whether some person has several groups."""
        if self.series.group is None:
            return False
        pairs = np.unique(np.column_stack([self.series.person, self.series.group]), axis=0)
        return len(pairs) > len(np.unique(self.series.person))

    def _buckets(self) -> Iterator[Bucket]:
        s = self.series
        starts = np.flatnonzero(np.r_[True, np.diff(s.person) != 0])
        lengths = np.diff(np.r_[starts, len(s.person)])
        first, last = s.time.min(), s.time.max()
        group = np.zeros(len(s.person), int) if s.group is None else s.group
        for m in np.unique(lengths):
            rows = starts[lengths == m][:, None] + np.arange(m)
            process = (np.diff(s.process[rows], axis=1, prepend=s.process[rows[:, :1]]) != 0).cumsum(1)
            local = np.stack([np.unique(row, return_inverse=True)[1] for row in group[rows]])
            values = s.values[rows].reshape(len(rows), 2 * m)
            seen = np.isfinite(values)
            key = np.hstack([s.time[rows] - first, process, local, seen])
            for k in np.unique(local.max(1)):  # persons of k + 1 groups
                own = local.max(1) == k
                patterns, pattern = np.unique(key[own], axis=0, return_inverse=True)
                time, part, where, there = np.split(patterns, [m, 2 * m, 3 * m], axis=1)
                x = means(time, self.trend != "none", int(last - first))
                ones, spread = np.eye(2), (time - (last - first) / 2) / max(last - first, 1)
                z = np.tile(ones, (len(time), m, 1))
                if self.trend == "person":
                    z = np.concatenate([z, z * np.repeat(spread, 2, axis=1)[..., None]], -1)
                t = np.einsum("uaj,rc->uarjc", where[:, :, None] == np.arange(k + 1), ones)
                of = np.stack([np.unique(row) for row in group[rows][own]])
                columns = (2 * of[:, :, None] + np.arange(2)).reshape(len(of), -1)
                yield Bucket(
                    self._codes(time, part),
                    there.astype(bool),
                    np.einsum("uap,rc->uarcp", x, ones).reshape(len(x), 2 * m, -1) * there[..., None],
                    z * there[..., None],
                    t.reshape(len(t), 2 * m, -1) * there[..., None],
                    pattern.ravel(),
                    np.zeros(len(of), int) if self._changes else of[:, 0],
                    columns if self._changes else np.tile(np.arange(2), (len(of), 1)),
                    np.where(seen, values, 0.0)[own],
                )

    def _codes(self, time: np.ndarray, part: np.ndarray) -> np.ndarray:
        """Places of the covariance's blocks in the table: lag and steps since the process began, lower triangle."""
        m = time.shape[1]
        same = (part[:, :, None] == part[:, None, :]) & np.tri(m, dtype=bool)
        start = np.where(same, time[:, None, :], time.max() + 1).min(2)  # of the row's process
        code = (time[:, :, None] - time[:, None, :]) * self.steps + (time - start)[:, None, :]
        return np.where(same, code, self.steps**2)
