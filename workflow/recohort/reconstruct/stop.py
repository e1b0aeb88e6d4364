"""When a search is to end early: at its time limit, or when it is asked to from the keyboard."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["Stop"]


class Stop:
    """Asked between the steps of a search: whether to end it with what it has.

    ``deadline`` is on the monotonic clock. Steps are asked, not broken off, so that a search ends
    with the best that it has seen and in a state that can be analysed.
    """

    def __init__(self, deadline: float | None = None) -> None:
        self.deadline = deadline
        self.interrupted = False

    def __call__(self) -> bool:
        """Whether the search is to end."""
        return self.interrupted or (self.deadline is not None and time.monotonic() > self.deadline)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Within it a keyboard interrupt ends the search; a second one breaks it off at once.

        A process that ignores interrupts (a worker, which its parent tells) is never broken off.
        """
        if threading.current_thread() is not threading.main_thread():
            yield  # only the main thread hears signals
            return
        before = signal.getsignal(signal.SIGINT)

        def heard(_: int, __: FrameType | None) -> None:
            if self.interrupted and before is not signal.SIG_IGN:
                raise KeyboardInterrupt
            self.interrupted = True

        signal.signal(signal.SIGINT, heard)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)
