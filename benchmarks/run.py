"""Time the estimators against what a user would pick instead.

    python benchmarks/run.py [--only NAME] [--write]

Every file `bench_*.py` beside this one has a function `main` that prints its table and can be run
alone; a new benchmark is a new file. Engines that are not installed are left out. With ``--write``
all that is printed also goes to results.md, with a description of the machine.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import importlib.util
import io
import os
import platform
import sys
from pathlib import Path

HERE = Path(__file__).parent


def machine() -> str:
    """Processor, cores, Python and libraries, in one line."""
    import numba
    import numpy

    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = info.read_text().splitlines()
        names = [line.split(":")[1].strip() for line in lines if "model name" in line]
        model = names[0] if names else model
    return (
        f"{model}, {os.cpu_count()} cores, {platform.system()}, Python "
        f"{platform.python_version()}, NumPy {numpy.__version__}, numba {numba.__version__}"
    )


def run_module(path: Path) -> str:
    """What the benchmark in ``path`` prints."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    printed = io.StringIO()
    arguments, sys.argv = sys.argv, [str(path)]
    try:
        with contextlib.redirect_stdout(printed):
            module.main()
    finally:
        sys.argv = arguments
    return printed.getvalue().strip()


def main() -> None:
    """Run the benchmarks, print their tables, and write them on request."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default="", help="run the files whose name contains this")
    parser.add_argument("--write", action="store_true", help="write results.md")
    options = parser.parse_args()
    sys.path.insert(0, str(HERE))
    sections = []
    for path in sorted(HERE.glob("bench_*.py")):
        if options.only in path.stem:
            text = run_module(path)
            print(text, end="\n\n", flush=True)
            body = text if text.startswith("#") else f"## {path.stem}\n\n```\n{text}\n```"
            sections.append(body)
    if options.write:
        day = datetime.datetime.now(datetime.UTC).date()
        joined = "\n\n".join(sections)
        text = f"# Benchmark results\n\n{machine()}; {day}.\n\n{joined}\n"
        (HERE / "results.md").write_text(text)


if __name__ == "__main__":
    main()
