"""numba's decorator with the types of the function it compiles."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

# numba's own types leave out an option that it has.
_compiled: Callable[..., Any] = njit

Function = TypeVar("Function", bound=Callable[..., object])


def inner(function: Function) -> Function:
    """Compile a function that only compiled functions call: it is kept on disk with them."""
    return cast("Function", njit(function))


def lean(function: Function) -> Function:
    """`inner` for a function that makes no arrays: it borrows its arguments.

    Keeping count of who uses an array costs an atomic operation at every access. A division by
    zero gives infinity or NaN, as in NumPy.
    """
    return cast("Function", _compiled(_nrt=False, error_model="numpy")(function))


def small(function: Function) -> Function:
    """`lean`, and copied into its callers."""
    return cast("Function", _compiled(_nrt=False, error_model="numpy", forceinline=True)(function))


def allocating(function: Function) -> Function:
    """`inner` for a function that makes arrays and that a `lean` one may call."""
    return cast("Function", _compiled(_nrt=True, error_model="numpy")(function))


def entry(function: Function) -> Function:
    """Compile a function that Python calls, once for all processes where a directory allows it.

    It runs without the interpreter's lock.
    """
    try:
        return cast("Function", njit(cache=True, nogil=True)(function))
    except RuntimeError:
        # Said once, since Python shows a warning of one place once.
        warnings.warn(
            "No directory for compiled code can be written, so every process compiles anew, for "
            "about a minute before its first fit. NUMBA_CACHE_DIR names a directory to use.",
            stacklevel=1,
        )
        return cast("Function", njit(nogil=True)(function))
