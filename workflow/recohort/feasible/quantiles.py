"""Where a median or quartile is read among n ordered values, exactly, under every definition."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Final

__all__ = ["Place", "QuantileReading", "quantile_readings"]

_HALF: Final = Fraction(1, 2)
_PROBABILITY: Final = {"q1": Fraction(1, 4), "median": _HALF, "q3": Fraction(3, 4)}
_PLOTTING: Final = {
    "type 4": (Fraction(0), Fraction(1)),
    "type 5": (_HALF, _HALF),
    "type 6": (Fraction(0), Fraction(0)),
    "type 7": (Fraction(1), Fraction(1)),
    "type 8": (Fraction(1, 3), Fraction(1, 3)),
    "type 9": (Fraction(3, 8), Fraction(3, 8)),
}
_DEFINITIONS: Final = (
    *("type 7", "type 6", "type 2", "Tukey hinges", "Moore-McCabe"),
    *("type 1", "type 3", "type 4", "type 5", "type 8", "type 9"),
)


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A quantile as (1 - weight) * x_(lower) + weight * x_(lower + 1), ranks counted from 1."""

    lower: int
    weight: Fraction


@dataclass(frozen=True, slots=True)
class QuantileReading:
    """One way in which all printed quantiles of a variable may have been read together."""

    names: tuple[str, ...]
    """The definitions that read the same values from samples of this size."""
    places: tuple[tuple[str, Place], ...]


def _place(n: int, name: str, definition: str) -> Place:
    p = _PROBABILITY[name]
    if definition in ("Tukey hinges", "Moore-McCabe"):
        tukey = definition == "Tukey hinges"
        depth = Fraction((n + 3) // 2 if tukey else n // 2 + 1, 2)
        rank = {"q1": depth, "median": Fraction(n + 1, 2), "q3": n + 1 - depth}[name]
        return _clamped(n, math.floor(rank), rank - math.floor(rank))
    if definition in _PLOTTING:
        a, b = _PLOTTING[definition]
        rank = a + p * (n + 1 - a - b)
        return _clamped(n, math.floor(rank), rank - math.floor(rank))
    rank = n * p - (_HALF if definition == "type 3" else 0)
    below = math.floor(rank)
    if rank > below:
        weight = Fraction(1)
    elif definition == "type 3":
        weight = Fraction(below % 2)
    else:
        weight = Fraction(0) if definition == "type 1" else _HALF
    return _clamped(n, below, weight)


def _clamped(n: int, lower: int, weight: Fraction) -> Place:
    """Ranks outside 1 to n mean the first or last value; a weight of 0 or 1 names one value."""
    if lower < 1:
        return Place(1, Fraction(0))
    if lower >= n:
        return Place(n, Fraction(0))
    return Place(lower + 1, Fraction(0)) if weight == 1 else Place(lower, weight)


def _readings(n: int, names: tuple[str, ...], typed_median: bool) -> Iterator[QuantileReading]:
    usual = Place((n + 1) // 2, Fraction(0) if n % 2 else _HALF)
    for definition in _DEFINITIONS:
        if definition == "Moore-McCabe" and n < 2:
            continue
        places = {name: _place(n, name, definition) for name in names}
        yield QuantileReading((definition,), tuple({**places, "median": usual}.items()))
        # The middle value itself is disputed by nobody unless software of one type gave all three;
        # the lower or upper of two middle values is a common reading of a median alone.
        if "median" in names and (typed_median or definition in ("type 1", "type 3")):
            yield QuantileReading((f"{definition}, median too",), tuple(places.items()))
    if "median" in names and n % 2 == 0:
        for lower, label in ((n // 2, "lower"), (n // 2 + 1, "upper")):
            median = Place(lower, Fraction(0))
            for definition in _DEFINITIONS:
                places = {name: _place(n, name, definition) for name in names}
                yield QuantileReading(
                    (f"{definition}, {label} median",), tuple({**places, "median": median}.items())
                )


@lru_cache(maxsize=512)
def quantile_readings(
    n: int, names: tuple[str, ...], *, typed_median: bool
) -> tuple[QuantileReading, ...]:
    """The distinct ways to read the named quantiles (``q1``, ``median``, ``q3``) of ``n`` values.

    R's types 1 to 9 (Hyndman and Fan, Am Stat 1996;50:361), Tukey's hinges and Moore-McCabe
    quartiles, each with the usual median or, where ``typed_median``, with a median of its own
    type; and the lower or upper of two middle values. Equal readings are merged. The usual ones
    come first.

    Raises:
        ValueError: ``n`` is below 1.
    """
    if n < 1:
        raise ValueError(f"n: got {n}; takes at least 1")
    merged: dict[tuple[tuple[str, Place], ...], list[str]] = {}
    for reading in _readings(n, names, typed_median):
        kept = tuple((name, place) for name, place in sorted(reading.places) if name in names)
        merged.setdefault(kept, []).extend(reading.names)
    return tuple(QuantileReading(tuple(labels), places) for places, labels in merged.items())
