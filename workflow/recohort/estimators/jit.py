"""numba's decorator with the types of the function it compiles.

What is compiled once and kept on disk is compiled anew when any source of it has changed.
"""

from __future__ import annotations

import re
import warnings
import zlib
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar, cast

from numba import njit

# numba's own types leave out an option that it has.
_compiled: Callable[..., Any] = njit

Function = TypeVar("Function", bound=Callable[..., object])

_PACKAGE = Path(__file__).parents[1]
_IMPORT = re.compile(r"^from recohort\.([\w.]+) import", re.MULTILINE)
_COMPILES = re.compile(r"^from (numba|recohort\.estimators\.jit)\b", re.MULTILINE)


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
        compiled: Any = njit(cache=True, nogil=True)(function)
    except RuntimeError:
        # Said once, since Python shows a warning of one place once.
        warnings.warn(
            "No directory for compiled code can be written, so every process compiles anew, for "
            "about a minute before its first fit. NUMBA_CACHE_DIR names a directory to use.",
            stacklevel=1,
        )
        return cast("Function", njit(nogil=True)(function))
    # numba looks at the function's own file alone.
    kept, file = compiled._cache._cache_file, Path(function.__code__.co_filename)
    kept._source_stamp = (kept._source_stamp, checksum(sources(file)))
    return cast("Function", compiled)


@lru_cache(maxsize=64)
def sources(file: Path) -> frozenset[Path]:
    """A file, and all of this package's files with compiled code that it imports from."""
    found = {file}
    for name in _IMPORT.findall(file.read_text(encoding="utf-8")):
        part = _PACKAGE.joinpath(*name.split(".")).with_suffix(".py")
        if part.exists() and _COMPILES.search(part.read_text(encoding="utf-8")):
            found |= sources(part)
    return frozenset(found)


def checksum(files: frozenset[Path]) -> int:
    """A checksum of what the files hold."""
    return zlib.crc32(b"".join(file.read_bytes() for file in sorted(files)))
