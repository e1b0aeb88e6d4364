"""The exit statuses of the command line."""

__all__ = ["BAD_INPUT", "CONFLICTS", "INTERRUPTED"]

BAD_INPUT = 2
"""An input that cannot be used, or an output that cannot be written: one message says which."""
CONFLICTS = 3
"""``audit --fail-on-conflict`` found values that cannot all be true."""
INTERRUPTED = 130
"""Stopped from the keyboard."""
