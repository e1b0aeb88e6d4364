"""The version of recohort that is running."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

__all__ = ["__version__"]

try:
    __version__ = version("recohort")
except PackageNotFoundError:  # a checkout that was never installed
    __version__ = "uninstalled"
