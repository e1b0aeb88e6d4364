"""numba's decorator with the types of the function it compiles."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

from numba import njit

Function = TypeVar("Function", bound=Callable[..., object])


def inner(function: Function) -> Function:
    """Compile a function that only compiled functions call: it is kept on disk with them."""
    return cast("Function", njit(function))


def entry(function: Function) -> Function:
    """Compile a function that Python calls, once for all processes where a directory allows it.

    It runs without the interpreter's lock.
    """
    try:
        return cast("Function", njit(cache=True, nogil=True)(function))
    except RuntimeError:
        # No directory for the copy on disk can be written: compile in every process.
        return cast("Function", njit(nogil=True)(function))
