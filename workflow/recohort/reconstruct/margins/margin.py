"""Draw columns of values that print every statistic reported of them.

A column is drawn in two steps: independent values from a plausible target (:mod:`.shape`), then a
walk that carries them into the set that prints the facts (:mod:`.kernel`) and on inside it.
Each draw starts afresh, so that many draws spread over the feasible set; the weight aimed at is
that of independent values from the target, given that they print the facts. Where the walk fails,
an exact solver (:mod:`.solver`) finds a column or the fewest statistics that must give.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from recohort.cohort import FloatArray
from recohort.estimators.summary import QuantileDefinition, SdDenominator
from recohort.feasible.variable import Grid, VariableFacts
from recohort.reconstruct.margins.facts import Shape, Stratum, StratumFact
from recohort.reconstruct.margins.walk import MarginEffort, Walk

__all__ = [
    "JointDraw",
    "JointRequest",
    "MarginDraw",
    "MarginEffort",
    "MarginRequest",
    "MarginSampler",
    "Shape",
    "StrataSampler",
    "Stratum",
    "StratumFact",
    "draw_joint_strata",
    "draw_margin",
    "draw_margins",
]


@dataclass(frozen=True, slots=True)
class MarginRequest:
    """One column: what was printed of it (n known), what it looks like, which conventions hold.

    The median is always the middle value or the mean of the two middle values; ``quantiles`` is
    for the quartiles.
    """

    facts: VariableFacts
    shape: Shape | None = None
    sd: SdDenominator = SdDenominator.N_MINUS_1
    quantiles: QuantileDefinition = QuantileDefinition.TYPE_7


@dataclass(frozen=True, slots=True)
class JointRequest:
    """One column in strata; statistics of any union of strata. Each stratum keeps its own range."""

    grid: Grid
    strata: tuple[Stratum, ...]
    facts: tuple[StratumFact, ...] = ()
    shape: Shape | None = None


@dataclass(frozen=True, slots=True)
class MarginDraw:
    """Values (n,), ascending; ``unmet`` names statistics that they do not print (a count by its
    source, or ``counts[i]``); ``steps`` counts the moves tried."""

    values: FloatArray
    matched: bool
    unmet: tuple[str, ...] = ()
    steps: int = 0


@dataclass(frozen=True, slots=True)
class JointDraw:
    """Values of each stratum, ascending; ``unmet`` holds (index of the fact, statistic)."""

    values: tuple[FloatArray, ...]
    matched: bool
    unmet: tuple[tuple[int, str], ...] = ()
    steps: int = 0


@dataclass
class StrataSampler:
    """Draws for one :class:`JointRequest`; the target is fitted once, on construction.

    Raises ValueError for facts of strata that do not exist, sizes that disagree, an empty range,
    or a column of which nothing at all is known.
    """

    request: JointRequest
    effort: MarginEffort = field(default_factory=MarginEffort)

    def __post_init__(self) -> None:
        request = self.request
        self._walk = Walk(request.grid, request.strata, request.facts, request.shape, self.effort)

    def draw(self, rng: np.random.Generator) -> JointDraw:
        """One column; the same generator state gives the same column."""
        values, unmet, steps = self._walk.draw(rng)
        return JointDraw(values, not unmet, unmet, steps)

    def log_likely(self, points: FloatArray) -> FloatArray:
        """Logarithms of each stratum's density (strata, P) that draws start from, at points."""
        return self._walk.log_likely(points)


@dataclass
class MarginSampler:
    """Draws for one :class:`MarginRequest`; the target is fitted once, on construction."""

    request: MarginRequest
    effort: MarginEffort = field(default_factory=MarginEffort)

    def __post_init__(self) -> None:
        facts = self.request.facts
        if facts.n_low != facts.n_high or facts.n_low < 1:
            raise ValueError(
                f"facts: got n from {facts.n_low} to {facts.n_high}; takes one n of at least 1"
            )
        request = self.request
        fact = StratumFact(facts, (0,), request.sd, request.quantiles)
        self._walk = Walk(facts.grid, (Stratum(facts.n_low),), (fact,), request.shape, self.effort)

    def draw(self, rng: np.random.Generator) -> MarginDraw:
        """One column; the same generator state gives the same column."""
        values, unmet, steps = self._walk.draw(rng)
        return MarginDraw(values[0], not unmet, tuple(name for _, name in unmet), steps)


def draw_margin(
    request: MarginRequest, rng: np.random.Generator, *, effort: MarginEffort | None = None
) -> MarginDraw:
    """One column that prints the facts; see :class:`MarginSampler` to draw many."""
    return MarginSampler(request, effort or MarginEffort()).draw(rng)


def draw_margins(
    request: MarginRequest,
    rng: np.random.Generator,
    count: int,
    *,
    effort: MarginEffort | None = None,
) -> FloatArray:
    """``count`` columns, shape (count, n), each ascending.

    Raises ValueError where a column cannot print every statistic, naming those that it misses:
    :func:`draw_margin` gives the nearest column instead.
    """
    sampler = MarginSampler(request, effort or MarginEffort())
    result = np.empty((count, request.facts.n_low))
    for i in range(count):
        drawn = sampler.draw(rng)
        if not drawn.matched:
            raise ValueError(f"request: no column was found that prints {', '.join(drawn.unmet)}")
        result[i] = drawn.values
    return result


def draw_joint_strata(
    request: JointRequest, rng: np.random.Generator, *, effort: MarginEffort | None = None
) -> JointDraw:
    """One column in strata; see :class:`StrataSampler` to draw many."""
    return StrataSampler(request, effort or MarginEffort()).draw(rng)
