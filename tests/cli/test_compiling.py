"""Kernels are compiled ahead by made-up studies that call them."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path

import pytest
from numba.core import event

from recohort.card.loader import load_card
from recohort.cli import main
from recohort.cli.compiling import compile_kernels


def test_the_command_runs_through_every_study_that_comes_with_it(
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert main(["compile"]) == 0
    told = capfd.readouterr().err
    with as_file(files("recohort.cli") / "kernels") as folder:
        names = sorted(path.name for path in folder.iterdir() if path.suffix == ".yaml")
        assert names == ["mixed.yaml", "plain.yaml", "survival.yaml"]
        for name in names:
            load_card(Path(folder / name))
            assert name in told


def test_what_was_compiled_ahead_is_not_compiled_again(tmp_path: Path) -> None:
    """A study of another size and other values than those that compiled the kernels."""
    compile_kernels()
    with as_file(files("recohort.cli") / "kernels" / "plain.yaml") as path:
        text = path.read_text(encoding="utf-8")
    card = tmp_path / "other.yaml"
    other = text.replace("study: plain", "study: other").replace("mean: 61.3", "mean: 61.4")
    card.write_text(other, encoding="utf-8")
    with event.install_recorder("numba:compile") as recorder:
        given = ["reconstruct", str(card), "--out", str(tmp_path / "out"), "--conditioned", "1"]
        assert main([*given, "--attempts", "1", "--time-limit", "5"]) == 0
    compiled = {one.data["dispatcher"].py_func.__module__ for _, one in recorder.buffer}
    assert not {module for module in compiled if module.startswith("recohort")}
