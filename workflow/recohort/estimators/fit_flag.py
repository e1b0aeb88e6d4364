"""How a fit ended, in one word and in a sentence."""

from __future__ import annotations

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray


class FitFlag(StrEnum):
    """How a logistic or mixed-effects logistic fit ended.

    OK, BOUNDARY and INEXACT are complete fits, INEXACT one that should have had more nodes; every
    other flag says why estimates are missing or infinite.
    """

    OK = "ok"
    BOUNDARY = "boundary"
    SEPARATED = "separated"
    SD_UNBOUNDED = "sd_unbounded"
    SINGLE_OUTCOME = "single_outcome"
    COLLINEAR = "collinear"
    UNIDENTIFIED = "unidentified"
    NOT_CONVERGED = "not_converged"
    INVALID = "invalid"
    INEXACT = "inexact"

    @property
    def converged(self) -> bool:
        """Whether the estimates are the maximum of the likelihood as it was approximated."""
        return self in (FitFlag.OK, FitFlag.BOUNDARY, FitFlag.INEXACT)


# In the order of the integer codes of logistic_kernel.py.
FLAGS: tuple[FitFlag, ...] = tuple(FitFlag)

_MEANING = {
    FitFlag.OK: "",
    FitFlag.BOUNDARY: (
        "The groups differ no more than chance allows: the random intercept's standard deviation "
        "is 0, and the fit is that of ordinary logistic regression. The standard deviation has no "
        "standard error there."
    ),
    FitFlag.SEPARATED: "No finite estimate exists: the predictors separate the outcome",
    FitFlag.SD_UNBOUNDED: (
        "No finite estimate was found: the likelihood keeps rising as the random intercept's "
        "standard deviation grows, because the outcome is (nearly) constant within groups."
    ),
    FitFlag.SINGLE_OUTCOME: "All outcomes are the same: no coefficient can be estimated.",
    FitFlag.COLLINEAR: "A column of x is a linear combination of others.",
    FitFlag.UNIDENTIFIED: (
        "The random intercept's standard deviation cannot be estimated: it takes at least two "
        "groups, and at least one group with two or more trials."
    ),
    FitFlag.NOT_CONVERGED: "Newton's method did not converge.",
    FitFlag.INVALID: "An outcome or a predictor is NaN or infinite.",
    FitFlag.INEXACT: (
        "With so few nodes the integral is inexact, and the estimates may be off by more than a "
        "hundredth of their standard errors: use more nodes."
    ),
}


def meaning(flag: FitFlag, separated: tuple[str, ...] = ()) -> str:
    """The sentence that goes with ``flag``; ``separated`` names the columns that diverge."""
    text = _MEANING[flag]
    if flag is not FitFlag.SEPARATED:
        return text
    columns = f" through {', '.join(separated)}" if separated else ""
    return f"{text}{columns}. firth_logistic gives finite, penalised estimates."


def flags_of(codes: NDArray[np.int64]) -> NDArray[np.object_]:
    """The flags of integer codes, element by element."""
    return np.array(FLAGS, dtype=object)[codes]
