"""Compiled code where no directory can hold its copy on disk."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import recohort

SMALL = """
from recohort.estimators.jit import entry

@entry
def twice(x):
    return 2.0 * x

@entry
def thrice(x):
    return 3.0 * x

print(twice(21.0), thrice(14.0))
"""
FIT = """
import numpy as np
from recohort.estimators.mixed_logistic import fit_mixed_logistic

group = np.repeat(np.arange(8), 12)
y = ((7 * np.arange(96)) % 11 < 3 + group % 4).astype(float)
print(fit_mixed_logistic(y, np.ones((96, 1)), group).flag)
"""


def run_without_cache(folder: Path, script: str) -> list[str]:
    """What a script printed, its copy of the package and its caches out of reach.

    A file where a directory should be cannot be written into, not even by root.
    """
    blocked = folder / "blocked"
    blocked.touch()
    package = folder / "package" / "recohort"
    source = Path(recohort.__file__).parent
    (package / "estimators").mkdir(parents=True)
    for name in ["__init__.py", *(p.relative_to(source) for p in source.glob("estimators/*.py"))]:
        shutil.copy(source / name, package / name)
    (package / "estimators" / "__pycache__").touch()
    (folder / "__pycache__").touch()
    (folder / "script.py").write_text(script)
    done = subprocess.run(
        [sys.executable, str(folder / "script.py")],
        env={
            **os.environ,
            "PYTHONPATH": str(package.parent),
            "NUMBA_CACHE_DIR": str(blocked),
            "XDG_CACHE_HOME": str(blocked),
            "HOME": str(blocked),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Traceback" not in done.stderr
    assert done.stderr.count("No directory for compiled code can be written") == 1
    return done.stdout.split()


def test_no_writable_cache_is_said_once_and_costs_time_alone(tmp_path: Path) -> None:
    assert run_without_cache(tmp_path, SMALL) == ["42.0", "42.0"]


@pytest.mark.slow
def test_fits_without_a_writable_cache(tmp_path: Path) -> None:
    assert run_without_cache(tmp_path, FIT) == ["boundary"]
