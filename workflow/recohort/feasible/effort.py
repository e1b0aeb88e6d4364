"""How much work a decision may take, and what has been spent of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

__all__ = ["Effort", "Exhausted"]


class Exhausted(Exception):
    """The effort allowed is spent."""


@dataclass
class Effort:
    """How much work a decision may take. Node and solver limits are deterministic; seconds are not.

    ``stop`` is asked now and then, and ends the search when it returns true.
    """

    nodes: int = 4_000
    solver: float = 0.5
    """Deterministic seconds of the solver, over all cases."""
    seconds: float | None = None
    stop: Callable[[], bool] | None = None
    use_solver: bool = True
    pool: list[int] | None = None
    """A number of nodes, as the only item, that several decisions share besides their own."""
    deadline: float | None = field(default=None, init=False)
    left: int = field(default=0, init=False)

    def start(self) -> None:
        """Begin to count."""
        self.left = self.nodes
        if self.seconds is not None and self.deadline is None:
            self.deadline = time.monotonic() + self.seconds

    def spend(self, nodes: int = 1) -> None:
        """Note some work; raises :class:`Exhausted` where no more is allowed."""
        self.left -= nodes
        if self.pool is not None:
            self.pool[0] -= nodes
        empty = self.pool is not None and self.pool[0] < 0
        if self.left < 0 or empty or self.over:
            raise Exhausted

    @property
    def over(self) -> bool:
        """Whether time has run out or the caller asked to stop."""
        late = self.deadline is not None and time.monotonic() > self.deadline
        return late or (self.stop is not None and self.stop())
