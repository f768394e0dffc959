"""The exact error variances of a joint solution.

The larger of raters and subjects is eliminated (its block of the mixed-model equations is diagonal) and the rest is
inverted densely, so that errors shared through subjects are in every variance.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np

from megdt_stream.calibration.components import Array
from megdt_stream.calibration.crossed_cells import Cells, Index

LARGEST_INVERSE: Final = 2_000
"""Largest dense inverse: 32 MB and about half a second."""

LARGEST_EXPANSION: Final = 200_000_000
"""Most pairs of neighbours of one eliminated node, over all nodes: about five seconds."""

CHUNK: Final = 100_000
"""Pairs handled at a time, so that they stay in the processor's cache."""


class _Links(NamedTuple):
    """What the eliminated nodes are tied to: of each tie the node, the neighbour's place in the rest, the count."""

    node: Index
    place: Index
    ratings: Array


def invertible(cells: Cells) -> bool:
    """Say whether the exact inverse takes seconds at most."""
    gone, begin, end = _larger(cells.sizes)
    if cells.nodes - (end - begin) > LARGEST_INVERSE:
        return False
    ties = np.bincount(_links(cells, gone, begin, end).node)
    return float(ties @ ties) <= LARGEST_EXPANSION


def inverse_diagonal(cells: Cells, penalties: Array) -> Array:
    """Give the diagonal of the equations' inverse: exact error variances, in units of the residual's."""
    gone, begin, end = _larger(cells.sizes)
    keep = np.delete(np.arange(cells.nodes), slice(begin, end))
    links = _links(cells, gone, begin, end)
    own = 1.0 / (cells.weights + penalties)[begin:end]
    rest = _rest(cells, penalties, keep, gone, end - begin)
    size = len(keep)
    for node, flat, counts in _pairs(links, size):
        np.subtract.at(rest.reshape(-1), flat, counts * own[node])
    inverse = np.linalg.inv(rest)
    out = np.empty(cells.nodes)
    out[keep] = inverse.diagonal()
    shared = np.zeros(end - begin)
    for node, flat, counts in _pairs(links, size):
        shared += np.bincount(node, weights=inverse.ravel()[flat] * counts, minlength=end - begin)
    out[begin:end] = own + own**2 * shared
    return out


def _larger(sizes: tuple[int, int, int]) -> tuple[int, int, int]:
    """Name the side to eliminate, 0 for raters or 1 for subjects, with where its nodes begin and end."""
    raters, subjects, _ = sizes
    return (0, 0, raters) if raters >= subjects else (1, raters, raters + subjects)


def _links(cells: Cells, gone: int, begin: int, end: int) -> _Links:
    nodes, places, counts = (
        [np.arange(end - begin)],
        [np.full(end - begin, cells.nodes - 1)],
        [cells.weights[begin:end]],
    )
    for kind, column in enumerate(cells.columns):
        if kind != gone:
            has = cells.item >= 0 if kind == 2 else np.ones(len(column), dtype=bool)
            nodes.append(cells.columns[gone][has] - begin)
            places.append(column[has])
            counts.append(cells.count[has])
    key, back = np.unique(np.concatenate(nodes) * cells.nodes + np.concatenate(places), return_inverse=True)
    place = key % cells.nodes
    place -= np.where(place >= end, end - begin, 0)
    return _Links(key // cells.nodes, place, np.bincount(back, weights=np.concatenate(counts)).astype(np.float64))


def _rest(cells: Cells, penalties: Array, keep: Index, gone: int, size: int) -> Array:
    """Write the equations of what is not eliminated, as a dense matrix."""
    rest = np.diag((cells.weights + penalties)[keep])
    rest[-1, :-1] = rest[:-1, -1] = cells.weights[keep[:-1]]
    if cells.sizes[2]:
        has = cells.item >= 0
        other = cells.columns[1 - gone][has] - (size if gone == 0 else 0)
        item = cells.columns[2][has] - size
        np.add.at(rest, (other, item), cells.count[has])
        np.add.at(rest, (item, other), cells.count[has])
    return rest


def _pairs(links: _Links, size: int) -> Iterator[tuple[Index, Index, Array]]:
    """Give all ordered pairs of neighbours of each eliminated node, some nodes at a time.

    Yields the node, the pair's place in the flattened matrix, and the product of both counts.
    """
    degree = np.bincount(links.node)
    starts = np.cumsum(degree) - degree
    chunk = np.cumsum(degree**2) // CHUNK
    for node in np.split(np.arange(len(degree)), np.flatnonzero(np.diff(chunk)) + 1):
        ties = slice(starts[node[0]], starts[node[-1]] + degree[node[-1]])
        owner = links.node[ties]
        repeats = degree[owner]
        # Counting on through a node's ties, and back to its first one for the next tie: repeat what differs.
        right = np.arange(repeats.sum()) - np.repeat(np.cumsum(repeats) - repeats - starts[owner], repeats)
        flat = np.repeat(links.place[ties] * size, repeats) + links.place[right]
        yield np.repeat(owner, repeats), flat, np.repeat(links.ratings[ties], repeats) * links.ratings[right]
