"""Checker of certificates about one variable: no sample has its printed statistics.

A certificate repeats what was printed and gives, for every rounding rule in question, every n,
every SD denominator and every quantile definition, a tree of plain arguments (or one tree for the
``loose`` sample, whose SD has either denominator and whose quantiles lie at any rank in question):

- ``{"empty": true}``: some ordered value's lower bound exceeds its upper bound, or no sum fits.
- ``{"sums": [[a, b, "low", c], ...]}``: the pieces cover all possible sums, and for the sums S from
  a to b the squares sum to at least c S + K, which is too much for the SD;
  ``[a, b, "high", c]``: to at most c S + M, which is too little;
  ``[s, s, "none"]``: at the sum s no whole number of the right parity lies between the smallest
  and largest possible and within the SD.
- ``{"rank": k, "value": v, "low": ..., "high": ...}``: either x_(k) <= v or x_(k) > v.
- ``{"enumerate": true}``: small enough to try every sample here.

Sums are in steps of the recording grid. The code is slow and plain on purpose: one pair of bounds
for every ordered value, no search, nothing of ``feasible`` or ``printed``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any, NamedTuple

from recohort.audit.certificate_box import box
from recohort.estimators.summary import QuantileDefinition, quantile_position

__all__ = ["one_variable"]

Value = int | Fraction | float
Places = dict[str, tuple[int, Fraction]]


class _Refuted(ValueError):
    """An argument of the certificate does not hold."""


class _Set(NamedTuple):
    low: Value
    high: Value
    low_closed: bool = True
    high_closed: bool = True


def one_variable(data: Mapping[str, Any]) -> bool:
    """No sample of the stated size has the printed statistics, under any rule and convention named.

    ``facts`` holds n (first and last), step (None: real-valued), offset, low, high, printed (name
    to text), counts (relation, threshold, fewest, most); ``proofs`` maps each rule to one entry for
    each n. The accepted rules must be among them.
    """
    facts, proofs = data["facts"], data["proofs"]
    if "accepted" not in proofs or not set(proofs) <= {"accepted", "truncation", "ceiling"}:
        return False
    first, last = (int(v) for v in facts["n"])
    for rule, entries in proofs.items():
        if [entry["n"] for entry in entries] != list(range(first, last + 1)):
            return False
        for entry in entries:
            trees = {_key(c["lost"], c["places"]): c["tree"] for c in entry["cases"]}
            for lost, places in _conventions(facts, entry):
                tree = trees[_key(lost, {k: [r, str(w)] for k, (r, w) in places.items()})]
                try:
                    _Sample(facts, rule, entry["n"], lost, places, loose=entry["loose"]).prove(tree)
                except _Refuted:
                    return False
    return True


def _key(lost: int | None, places: Mapping[str, Any]) -> tuple[Any, ...]:
    return lost, *sorted((name, rank, weight) for name, (rank, weight) in places.items())


def _conventions(
    facts: Mapping[str, Any], entry: Mapping[str, Any]
) -> Iterator[tuple[int | None, Places]]:
    """Every SD denominator and quantile definition that the certificate must answer."""
    if entry["loose"]:
        yield None, {}
        return
    for places in _readings(entry["n"], facts):
        for lost in (1, 0) if "sd" in facts["printed"] else (None,):
            yield lost, places


def _readings(n: int, facts: Mapping[str, Any]) -> Iterator[Places]:
    names = [name for name in ("q1", "median", "q3") if name in facts["printed"]]
    if not names or n < 1:
        yield {}
        return
    p = {"q1": 0.25, "median": 0.5, "q3": 0.75}
    middles = {(n + 1) / 2, (n + 1) // 2, n // 2 + 1}
    for definition in QuantileDefinition:
        if definition is QuantileDefinition.MOORE_MCCABE and n < 2:
            continue
        places: Places = {}
        for name in names:
            found = quantile_position(n, p[name], definition)
            weight = Fraction(found.weight).limit_denominator(1000)
            places[name] = (found.lower + 1 + math.floor(weight), weight % 1)
        if "median" not in names:
            yield places
            continue
        if facts["typed_median"] or definition in (
            QuantileDefinition.TYPE_1,
            QuantileDefinition.TYPE_3,
        ):
            yield places
        for rank in middles:
            yield {**places, "median": (math.floor(rank), Fraction(rank) % 1)}


def _printed(facts: Mapping[str, Any], name: str, rule: str) -> _Set:
    """The numbers that a printed statistic stands for; a recordable extreme is itself."""
    text = facts["printed"][name]
    low, high = box(text)
    if isinstance(low, float) or isinstance(high, float):
        return _Set(low, high, "≤" in text or "=" in text, "≥" in text or "=" in text)
    value, unit = (low + high) / 2, high - low
    if name in ("minimum", "maximum") and facts["step"] is not None:
        step, offset = Fraction(facts["step"]), Fraction(facts["offset"])
        if ((value - offset) / step).denominator == 1 or all(
            (v / unit).denominator == 1 for v in (step, offset)
        ):
            return _Set(value, value)
    if rule == "accepted":
        return _Set(low, high)
    cut = rule == "truncation"
    if value == 0:
        found = _Set(-unit, unit, False, False) if cut else _Set(value, value)
    elif cut == (value > 0):
        found = _Set(value, value + unit, cut, not cut)
    else:
        found = _Set(value - unit, value, cut, not cut)
    whole = facts["step"] is not None and all(
        Fraction(facts[name]).denominator == 1 for name in ("step", "offset")
    )
    # A plain median of whole numbers is exact in floating point; anything else may fall to either
    # side of an end.
    if whole and name == "median" and not facts["typed_median"]:
        return found
    return _Set(found.low, found.high)


class _Sample:
    """Bounds of every ordered value of a sample of n, in steps of the grid."""

    def __init__(
        self,
        facts: Mapping[str, Any],
        rule: str,
        n: int,
        lost: int | None,
        places: Places,
        *,
        loose: bool,
    ) -> None:
        sets = {name: _printed(facts, name, rule) for name in facts["printed"]}
        self.whole = facts["step"] is not None
        self.step = Fraction(facts["step"] or 1)
        self.offset = Fraction(facts["offset"])
        self.n = n
        self.void = n < 1 or (lost is not None and n <= lost)
        self.lows: list[Value] = [-math.inf] * n
        self.highs: list[Value] = [math.inf] * n
        self.sum: tuple[Value, Value] = (-math.inf, math.inf)
        self.spread: tuple[Value, Value] = (0, math.inf)
        self.rules: list[tuple[Any, ...]] = []
        self.loose: dict[str, tuple[int, int]] = {}
        if self.void:
            return
        if facts["low"] is not None:
            self._bound(1, low=(Fraction(facts["low"]) - self.offset) / self.step)
        if facts["high"] is not None:
            self._bound(n, high=(Fraction(facts["high"]) - self.offset) / self.step)
        for name, rank in (("minimum", 1), ("maximum", n)):
            if name in sets:
                low, high = self._ends(sets[name], 1)
                self._bound(rank, low, high)
        if "mean" in sets:
            self.sum = self._ends(sets["mean"], n)
        if lost is not None:
            self.spread = self._spread_ends(sets["sd"], n * (n - lost) / self.step**2)
        elif loose and "sd" in sets:
            ends = [self._spread_ends(sets["sd"], n * k / self.step**2) for k in (n - 1 or 1, n)]
            self.spread = ends[0][0], ends[1][1]
        for reading in _readings(n, facts) if loose else ():
            for name, (rank, weight) in reading.items():
                self._loosen(name, rank, rank + (weight > 0))
        for name, (first, last) in self.loose.items():
            low, high = self._ends(sets[name], 1)
            self._bound(first, high=high)
            self._bound(last, low=low)
        for name, (rank, weight) in places.items():
            b = weight.numerator
            a = weight.denominator - b
            if b == 0:
                self._bound(rank, *self._ends(sets[name], 1))
            else:
                low, high = self._ends(sets[name], a + b)
                self.rules.append(("couple", rank, a, b, low, high))
        for relation, threshold, least, most in facts["counts"]:
            self._count(relation, (Fraction(threshold) - self.offset) / self.step, least, most)

    def _loosen(self, name: str, first: int, last: int) -> None:
        known = self.loose.get(name, (first, last))
        self.loose[name] = min(known[0], first), max(known[1], last)

    def copy(self) -> _Sample:
        other = object.__new__(_Sample)
        other.__dict__.update(self.__dict__)
        other.lows, other.highs = list(self.lows), list(self.highs)
        return other

    def _ends(self, found: _Set, times: int) -> tuple[Value, Value]:
        ends = [
            v if isinstance(v, float) else (v - self.offset) * times / self.step
            for v in (found.low, found.high)
        ]
        return self._rounded(ends[0], ends[1], found)

    def _rounded(self, low: Value, high: Value, found: _Set) -> tuple[Value, Value]:
        """Whole numbers inside the set; on a real grid open ends are closed."""
        if self.whole and not isinstance(low, float):
            low = math.ceil(low) + (low == math.ceil(low) and not found.low_closed)
        if self.whole and not isinstance(high, float):
            high = math.floor(high) - (high == math.floor(high) and not found.high_closed)
        return low, high

    def _spread_ends(self, sd: _Set, factor: Fraction) -> tuple[Value, Value]:
        """Bounds of n Q - S^2, which is the squared SD times n (n - 1) or n^2."""
        if sd.high < 0 or (sd.high == 0 and not sd.high_closed):
            self.void = True
        if sd.low < 0:
            sd = _Set(0, sd.high, True, sd.high_closed)
        high = sd.high if isinstance(sd.high, float) else sd.high**2 * factor
        return self._rounded(Fraction(sd.low) ** 2 * factor, high, sd)

    def _bound(self, rank: int, low: Value = -math.inf, high: Value = math.inf) -> None:
        """x_(rank) lies between low and high, so later ones are above and earlier ones below."""
        low, high = self._rounded(low, high, _Set(0, 0))
        if low > -math.inf:
            for i in range(max(rank, 1) - 1, self.n):
                self.lows[i] = max(self.lows[i], low)
        if high < math.inf:
            for i in range(min(rank, self.n)):
                self.highs[i] = min(self.highs[i], high)

    def _count(self, relation: str, value: Fraction, least: int, most: int) -> None:
        n = self.n
        if most < 0 or least > n or least > most:
            self.void = True
        elif relation == "=":
            if not self.whole or value.denominator == 1:
                self.rules.append(("equal", value, least, most))
            elif least > 0:
                self.void = True
        else:
            if relation in (">=", ">"):
                least, most = n - most, n - least
            strict = relation in ("<", ">=")
            inside: Value = value
            outside: Value = value
            if self.whole:
                inside = math.ceil(value) - 1 if strict else math.floor(value)
                outside = inside + 1
            if least > 0:
                self._bound(least, high=inside)
            if most < n:
                self._bound(most + 1, low=outside)

    def _draw(self) -> None:
        """Draw consequences until nothing changes (any order is sound, few rounds suffice)."""
        for _ in range(40):
            before = (self.lows[:], self.highs[:])
            n = self.n
            if self.sum[1] < math.inf:
                self._bound(1, high=Fraction(self.sum[1]) / n)
            if self.sum[0] > -math.inf:
                self._bound(n, low=Fraction(self.sum[0]) / n)
            if self.spread[1] < math.inf:
                # Two values r apart alone make n Q - S^2 at least n r^2 / 2.
                reach = math.isqrt(math.floor(Fraction(2 * self.spread[1]) / n))
                reach += 0 if self.whole else 1
                self._bound(n, high=self.highs[0] + reach)
                self._bound(1, low=self.lows[-1] - reach)
            for kind, *rule in self.rules:
                self._draw_couple(*rule) if kind == "couple" else self._draw_equal(*rule)
            if before == (self.lows, self.highs):
                return

    def _draw_couple(self, rank: int, a: int, b: int, low: Value, high: Value) -> None:
        """low <= a x_(rank) + b x_(rank + 1) <= high."""
        i, j = rank - 1, rank
        ends = [self.lows[i], self.highs[i], self.lows[j], self.highs[j]]
        if high < math.inf:
            self._bound(rank, high=Fraction(high) / (a + b))
            if ends[2] > -math.inf:
                self._bound(rank, high=(high - b * ends[2]) / Fraction(a))
            if ends[0] > -math.inf:
                self._bound(rank + 1, high=(high - a * ends[0]) / Fraction(b))
        if low > -math.inf:
            self._bound(rank + 1, low=Fraction(low) / (a + b))
            if ends[3] < math.inf:
                self._bound(rank, low=(low - b * ends[3]) / Fraction(a))
            if ends[1] < math.inf:
                self._bound(rank + 1, low=(low - a * ends[1]) / Fraction(b))

    def _draw_equal(self, value: Fraction, least: int, most: int) -> None:
        """Between ``least`` and ``most`` values equal ``value``."""
        gap = 1 if self.whole else 0
        if least > 0:
            self._bound(sum(h < value for h in self.highs) + least, high=value)
            self._bound(sum(v <= value for v in self.lows) - least + 1, low=value)
        if most < self.n:
            over = sum(v < value for v in self.lows) + most + 1
            if over <= self.n:
                self._bound(over, low=value + gap)
            under = sum(h <= value for h in self.highs) - most
            if under >= 1:
                self._bound(under, high=value - gap)

    def prove(self, tree: dict[str, Any]) -> None:
        """Follow one tree of arguments; raises where an argument fails."""
        if self.void or self.sum[0] > self.sum[1] or self.spread[0] > self.spread[1]:
            return
        if self.n == 1 and self.spread[0] > 0:
            return
        self._draw()
        low = max(self.sum[0], sum(self.lows))
        high = min(self.sum[1], sum(self.highs))
        if any(a > b for a, b in zip(self.lows, self.highs, strict=True)) or low > high:
            return
        if any(rule[0] == "couple" and rule[4] > rule[5] for rule in self.rules):
            return
        if "rank" in tree:
            value = Fraction(tree["value"])
            below, above = self.copy(), self.copy()
            below._bound(tree["rank"], high=value)
            above._bound(tree["rank"], low=math.floor(value) + 1 if self.whole else value)
            below.prove(tree["low"])
            above.prove(tree["high"])
        elif "sums" in tree:
            self._check_cover(tree["sums"], low, high)
            for piece in tree["sums"]:
                self._check_piece(Fraction(piece[0]), Fraction(piece[1]), piece[2], piece[3:])
        elif tree.get("enumerate"):
            self._enumerate(low, high)
        else:
            raise _Refuted("an argument that bounds contradict does not hold")

    def _check_cover(self, pieces: list[list[str]], low: Value, high: Value) -> None:
        at = low
        for piece in sorted(pieces, key=lambda p: Fraction(p[0])):
            if Fraction(piece[0]) > at:
                raise _Refuted(f"sums: those from {at} to {piece[0]} are not covered")
            at = max(at, Fraction(piece[1]) + (1 if self.whole else 0))
        if at < high or (self.whole and at == high):
            raise _Refuted(f"sums: those from {at} to {high} are not covered")

    def _check_piece(self, a: Fraction, b: Fraction, kind: str, slope: list[str]) -> None:
        n = self.n
        ranks = list(zip(self.lows, self.highs, strict=True))
        if kind == "none" and a == b and self.whole:
            least = max(math.ceil((self.spread[0] + a * a) / n), _least_squares(ranks, a))
            most = _most_squares(ranks, a)
            if self.spread[1] < math.inf:
                most = min(most, math.floor((self.spread[1] + a * a) / n))
            if most >= least + (least - a) % 2:
                raise _Refuted(f"sum {a}: squares from {least} to {most} remain")
            return
        c = Fraction(slope[0])
        worst: Value = 0
        if kind == "low":
            for low, high in ranks:
                near = (math.floor(c / 2), math.ceil(c / 2)) if self.whole else (c / 2,)
                worst += min(v * v - c * v for v in (min(max(x, low), high) for x in near))
            # n (c S + K) - S^2 is concave in S: smallest at an end.
            if min(n * (c * s + worst) - s * s for s in (a, b)) > self.spread[1]:
                return
        elif kind == "high":
            worst = sum(max(v * v - c * v for v in pair) for pair in ranks)
            top = min(max(n * c / 2, a), b)
            if n * (c * top + worst) - top * top < self.spread[0]:
                return
        raise _Refuted(f"sums {a} to {b}: the argument '{kind}' does not hold")

    def _enumerate(self, low: Value, high: Value) -> None:
        """Build all samples value by value, as sets of (sum, sum of squares) for each count."""
        n = self.n
        if not self.whole or math.isinf(self.lows[0]) or math.isinf(self.highs[-1]):
            raise _Refuted("enumerate: the scale has no ends")
        centre = int((low + high) / (2 * n))
        far: Value = max(n * centre - low, high - n * centre)
        if math.isinf(self.spread[1]):
            raise _Refuted("enumerate: the spread has no upper bound")
        largest = int(self.spread[1] + far * far) // n
        keep = (1 << (largest + 1)) - 1
        reached: list[dict[int, int]] = [{0: 1}, *({} for _ in range(n))]
        for value in range(int(self.lows[0]), int(self.highs[-1]) + 1):
            v = value - centre
            for count in range(n):
                for total, squares in reached[count].items():
                    if moved := (squares << v * v) & keep:
                        onto = reached[count + 1]
                        onto[total + v] = onto.get(total + v, 0) | moved
            fewest = sum(h <= value for h in self.highs)
            most = sum(x <= value for x in self.lows)
            reached = [r if fewest <= k <= most else {} for k, r in enumerate(reached)]
        for total, squares in reached[n].items():
            if low <= total + n * centre <= high:
                for q in range(squares.bit_length()):
                    if squares >> q & 1 and self.spread[0] <= n * q - total**2 <= self.spread[1]:
                        raise _Refuted(f"enumerate: sum {total}, squares {q} is a sample")


def _least_squares(ranks: list[tuple[Value, Value]], total: Fraction) -> Value:
    """The smallest sum of squares: raise all values together from their lower bounds."""
    corners = [v for pair in ranks for v in pair if not math.isinf(v)] or [0]
    low, high = int(min(corners)), int(max(corners))
    low, high = min(low, int(total // len(ranks))) - 1, max(high, int(total // len(ranks))) + 1

    def filled(level: int) -> Value:
        return sum(min(max(level, a), b) for a, b in ranks)

    while low < high:
        middle = -((-low - high) // 2)
        low, high = (middle, high) if filled(middle) <= total else (low, middle - 1)
    rest = total - filled(low)
    # Those at the level that may rise by one step take up the rest.
    return sum(min(max(low, a), b) ** 2 for a, b in ranks) + rest * (2 * low + 1)


def _most_squares(ranks: list[tuple[Value, Value]], total: Fraction) -> Value:
    """The largest sum of squares: raise the highest ranks to their upper bounds one by one."""
    if math.isinf(ranks[0][0]) or math.isinf(ranks[-1][1]):
        return math.inf
    rest = total - sum(a for a, _ in ranks)
    squares: Value = 0
    for a, b in reversed(ranks):
        moved = min(rest, b - a)
        rest -= moved
        squares += (a + moved) ** 2
    return squares
