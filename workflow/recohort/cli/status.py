"""The exit statuses of the command line."""

__all__ = ["BAD_INPUT", "CONFLICTS", "INTERRUPTED", "TERMINATED"]

BAD_INPUT = 2
"""An input that cannot be used, or an output that cannot be written: one message says which."""
CONFLICTS = 3
"""``--fail-on-conflict``: the audit proves that values cannot all be true."""
INTERRUPTED = 130
"""Stopped from the keyboard; what a search had found by then is kept and says so."""
TERMINATED = 143
"""Stopped by another program (SIGTERM): earlier results are as they were."""
