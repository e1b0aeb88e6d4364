"""All figures that a study's results call for, in the order in which a reader meets them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from recohort.present.figures import (
    agreement,
    calibration,
    distributions,
    ratios,
    replicates,
    roc,
    shares,
    survival,
    trajectories,
)
from recohort.present.figures.style import Drawing
from recohort.present.results import StudyResults

__all__ = ["drawings"]


def drawings(results: StudyResults) -> Iterator[Drawing]:
    """Each figure that has data in this study; call within :func:`style.figure_style`."""
    terms = ratios.collect(results)
    accuracy, proportions = shares.collect_accuracy(results), shares.collect_proportions(results)
    makers: tuple[Callable[[], Drawing | None], ...] = (
        lambda: agreement.draw(agreement.collect(results)),
        lambda: ratios.draw(terms) if terms else None,
        lambda: roc.draw(roc.collect(results)),
        lambda: calibration.draw(calibration.collect(results)),
        lambda: shares.draw(accuracy) if accuracy else None,
        lambda: trajectories.draw(trajectories.collect(results)),
        lambda: survival.draw(survival.collect(results)),
        lambda: shares.draw(proportions) if proportions else None,
        lambda: replicates.draw(replicates.collect(results)),
        lambda: distributions.draw(distributions.collect(results)),
    )
    for make in makers:
        drawing = make()
        if drawing is not None:
            yield drawing
