"""Code compiled once and kept on disk is renewed when a file that it calls into has changed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import recohort
from recohort.estimators.jit import sources

PART = """
from recohort.estimators.jit import inner

@inner
def raised(x):
    return x + 1.0
"""
WHOLE = """
from recohort.estimators.jit import entry
from recohort.part import raised

@entry
def tenfold(x):
    return 10.0 * raised(x)
"""
SCRIPT = """
from recohort.whole import tenfold

print(tenfold(1.0), sum(tenfold.stats.cache_hits.values()))
"""


def test_a_change_of_what_is_called_is_seen(tmp_path: Path) -> None:
    package, source = tmp_path / "recohort", Path(recohort.__file__).parent
    (package / "estimators").mkdir(parents=True)
    for name in ("__init__.py", "estimators/__init__.py", "estimators/jit.py"):
        shutil.copy(source / name, package / name)
    (package / "part.py").write_text(PART)
    (package / "whole.py").write_text(WHOLE)

    def told() -> list[str]:
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env={**os.environ, "PYTHONPATH": str(tmp_path), "NUMBA_CACHE_DIR": str(tmp_path / "c")},
            cwd=tmp_path, capture_output=True, text=True, timeout=120, check=True,
        )  # fmt: skip
        return done.stdout.split()

    assert told() == ["20.0", "0"]
    assert told() == ["20.0", "1"], "the copy on disk is used"
    (package / "part.py").write_text(PART.replace("1.0", "2.0"))
    assert told() == ["30.0", "0"], "and renewed"


def test_sources_are_all_compiled_files_and_no_others() -> None:
    estimators = Path(recohort.__file__).parent / "estimators"
    found = {path.name for path in sources(estimators / "mixed_logistic_batch_kernel.py")}
    assert found == {
        "jit.py",
        "laplace_kernel.py",
        "logistic_kernel.py",
        "mixed_logistic_batch_kernel.py",
        "mixed_logistic_fit_kernel.py",
        "mixed_logistic_kernel.py",
        "mixed_logistic_start_kernel.py",
        "simd.py",
    }
