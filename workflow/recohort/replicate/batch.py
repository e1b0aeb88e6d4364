"""Many replicates of a study: the same estimates for a seed, whoever draws which."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import numpy as np

from recohort.analysis.estimate import Analyst
from recohort.card.study import StudyCard
from recohort.cohort import Cohort
from recohort.replicate.generator import Generator

__all__ = ["Progress", "replicate_seed", "replicate_study", "write_replicates"]

Progress = Callable[[int, int], None]
"""Called with the replicates done and their number."""

_STAGE = 0x7265706C
"""Keeps this stage's streams apart from those of other stages with the same seed."""

_CHUNK = 25


def replicate_seed(study: str, seed: int, index: int) -> np.random.SeedSequence:
    """The seed of one replicate: by the study's name and its own number, nothing else."""
    name = int.from_bytes(hashlib.sha256(study.encode()).digest()[:8], "big")
    return np.random.SeedSequence([seed, _STAGE, name], spawn_key=(index,))


def replicate_study(
    card: StudyCard,
    cohort: Cohort,
    count: int,
    seed: int,
    threads: int = 1,
    progress: Progress | None = None,
) -> list[dict[str, float]]:
    """Draw fresh studies under the truth that a cohort stands for, and analyse each.

    Args:
        card: the card, under the setting that the cohort was made for.
        cohort: the cohort whose calibrated model is the truth.
        count: how many replicates.
        seed: a whole number from 0 up.
        threads: processes to share the work; the result does not depend on it.
        progress: called now and then with the number done and ``count``.

    Returns:
        The estimate of every reported value by its id, one mapping a replicate, in their order;
        NaN where a replicate gives none.

    Raises:
        ValueError: a count or seed below 0, or fewer than one thread.
    """
    for name, value, least in (("count", count, 0), ("seed", seed, 0), ("threads", threads, 1)):
        if value < least:
            raise ValueError(f"{name}: got {value}; takes a whole number from {least} up")
    chunks = [range(i, min(i + _CHUNK, count)) for i in range(0, count, _CHUNK)]
    done: dict[int, list[dict[str, float]]] = {}

    def tell() -> None:
        if progress is not None:
            progress(sum(map(len, done.values())), count)

    if threads == 1 or len(chunks) < 2:
        generator = Generator(card, cohort)
        for chunk in chunks:
            done[chunk.start] = _estimates(generator, seed, chunk)
            tell()
    else:
        # A fresh interpreter each: a fork of a process with running threads may hang.
        pool = ProcessPoolExecutor(
            min(threads, len(chunks)),
            multiprocessing.get_context("spawn"),
            _prepare,
            (card, cohort, seed),
        )
        try:
            waiting = {pool.submit(_run, chunk): chunk.start for chunk in chunks}
            for future in as_completed(waiting):
                done[waiting[future]] = future.result()
                tell()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
    return [row for start in sorted(done) for row in done[start]]


def _estimates(generator: Generator, seed: int, indices: Sequence[int]) -> list[dict[str, float]]:
    study = generator.card.study
    found = []
    for index in indices:
        rng = np.random.default_rng(replicate_seed(study, seed, index))
        with np.errstate(all="ignore"):
            found.append(Analyst(generator.card, generator.draw(rng)).reported())
    return found


_worker: list[tuple[Generator, int]] = []
"""A worker process's generator, made once; empty in the process that hands the work out."""


def _prepare(card: StudyCard, cohort: Cohort, seed: int) -> None:
    # Ctrl-C reaches every process: the first one stops the others and tells of it, once.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _worker.append((Generator(card, cohort), seed))


def _run(indices: Sequence[int]) -> list[dict[str, float]]:
    generator, seed = _worker[-1]
    return _estimates(generator, seed, indices)


def write_replicates(replicates: Sequence[dict[str, float]], file: Path) -> None:
    """Write ``replicate`` (int32), ``id``, ``estimate`` (float64), sorted by the first two.

    The same estimates give the same bytes.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [
        (index, key, values[key])
        for index, values in enumerate(replicates)
        for key in sorted(values)
    ]
    table = pa.table(
        {
            "replicate": pa.array([row[0] for row in rows], pa.int32()),
            "id": pa.array([row[1] for row in rows], pa.string()),
            "estimate": pa.array([row[2] for row in rows], pa.float64(), from_pandas=False),
        }
    )
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f".{file.name}.partial")
    try:
        pq.write_table(table, partial, compression="zstd")
        os.replace(partial, file)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
