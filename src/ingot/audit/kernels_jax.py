"""Kernel sums in JAX, for GPUs: tile by tile, matrix products in the full precision of the arrays."""

from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from numpy.typing import NDArray

Values = NDArray[np.float64]

_TILE = 4096


def log_sums_between(
    y: Values, x: Values, centre: Values, bandwidths: Sequence[float], precision: str
) -> NDArray[np.float64]:
    """``ln sum_j K(y_i, x_j)`` for every bandwidth, (bandwidths, rows of y)."""
    return _log_sums(y, x, centre, bandwidths, precision, within=False)


def log_sums_within(x: Values, centre: Values, bandwidths: Sequence[float], precision: str) -> NDArray[np.float64]:
    """``ln sum_j K(x_i, x_j)`` within one set, the self term exactly 1."""
    return _log_sums(x, x, centre, bandwidths, precision, within=True)


def _log_sums(
    y: Values, x: Values, centre: Values, bandwidths: Sequence[float], precision: str, within: bool
) -> NDArray[np.float64]:
    narrow = min(bandwidths)
    with jax.enable_x64(precision == "float64"):
        scales = jnp.asarray([(narrow / h) ** 2 for h in bandwidths], precision)
        columns, norms = _tiles(x, centre, narrow, precision, np.inf)
        parts = [np.empty((len(bandwidths), 0))]
        for start in range(0, len(y), _TILE):
            rows, row_norms = _tiles(y[start : start + _TILE], centre, narrow, precision, 0.0)
            diagonal = start // _TILE if within else -1
            top, sums = _rows(rows[0], row_norms[0], columns, norms, scales, jnp.asarray(diagonal))
            parts.append(
                np.asarray(scales)[:, None] * np.asarray(top, np.float64) + np.log(np.asarray(sums, np.float64))
            )
    return np.concatenate(parts, axis=1)[:, : len(y)]


def _tiles(
    points: Values, centre: Values, bandwidth: float, precision: str, norm: float
) -> tuple[jax.Array, jax.Array]:
    """Full tiles (tiles, rows, components) and half their squares, ``norm`` on the padding."""
    scaled = ((points - centre) / bandwidth).astype(precision)
    norms = 0.5 * np.einsum("ij,ij->i", scaled, scaled, dtype=np.float64)
    extra = -len(points) % _TILE
    tiles = np.pad(scaled, ((0, extra), (0, 0))).reshape(-1, _TILE, points.shape[1])
    padded = np.pad(norms, (0, extra), constant_values=norm).reshape(-1, _TILE)
    return jnp.asarray(tiles), jnp.asarray(padded, precision)


@partial(jax.jit)
def _rows(
    rows: jax.Array, row_norms: jax.Array, columns: jax.Array, norms: jax.Array, scales: jax.Array, diagonal: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """The largest exponent of every row, and for every bandwidth the sum relative to it."""

    def step(
        state: tuple[jax.Array, jax.Array], tile: tuple[jax.Array, jax.Array, jax.Array]
    ) -> tuple[tuple[jax.Array, jax.Array], None]:
        top, sums = state
        points, tile_norms, number = tile
        products = jnp.matmul(rows, points.T, precision=lax.Precision.HIGHEST)
        exponents = jnp.minimum(products - (row_norms[:, None] + tile_norms), 0.0)
        own = (number == diagonal) & jnp.eye(_TILE, dtype=bool)
        exponents = jnp.where(own & jnp.isfinite(exponents), 0.0, exponents)
        higher = jnp.maximum(top, exponents.max(axis=1))
        shrunk = sums * jnp.exp(scales[:, None] * (top - higher))
        added = jnp.stack([jnp.exp(s * (exponents - higher[:, None])).sum(axis=1) for s in scales])
        return (higher, shrunk + added), None

    start = (jnp.full(len(rows), jnp.finfo(rows.dtype).min), jnp.zeros((len(scales), len(rows)), rows.dtype))
    return lax.scan(step, start, (columns, norms, jnp.arange(len(columns))))[0]
