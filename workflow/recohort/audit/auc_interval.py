"""Which splits of cases and non-cases agree with a printed AUC and its interval.

Each variance model gives its own set of splits, and none of them is right for all data; so the
sets are shown, and only van Dantzig's bound, which holds for every distribution of the scores, can
call an interval impossible.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recohort.audit.certificate import Certificate, CertificateKind, check
from recohort.audit.finding import Check, Finding, FindingVerdict, UndeterminedReason
from recohort.audit.naming import finding_id, named
from recohort.audit.ratio_box import Reach, ratio_reach
from recohort.estimators.auc_variance import AucVarianceModel, auc_variance
from recohort.printed import Printed

__all__ = ["ModelSplits", "auc_splits", "check_auc_interval"]

_MODELS = (
    (AucVarianceModel.HANLEY_MCNEIL, 1.0, "Hanley-McNeil"),
    (AucVarianceModel.BINORMAL_EQUAL, 1.0, "binormal, equal SDs"),
    (AucVarianceModel.BINORMAL_UNEQUAL, 1.5, "binormal, cases' SD 1.5 times the others'"),
    (AucVarianceModel.BINORMAL_UNEQUAL, 1 / 1.5, "binormal, others' SD 1.5 times the cases'"),
)
_MOST = 400


@dataclass(frozen=True, slots=True)
class ModelSplits:
    """The splits that fit under one variance model, summarised.

    ``cases`` is the range of fitting numbers of cases, ``total`` that of the whole, ``at_share``
    that of totals with the share of cases that was asked about. None where nothing up to the limit
    of the search fits.
    """

    model: str
    fits: bool
    cases: tuple[int, int] | None
    total: tuple[int, int] | None
    at_share: tuple[int, int] | None

    def to_json(self) -> dict[str, Any]:
        """A plain mapping for the evidence."""
        return {
            "model": self.model,
            "fits": self.fits,
            "cases": None if self.cases is None else list(self.cases),
            "total": None if self.total is None else list(self.total),
            "total_at_share": None if self.at_share is None else list(self.at_share),
        }


def auc_splits(
    auc: str,
    lower: str,
    upper: str,
    *,
    total: int | None = None,
    share: float = 0.5,
    level: float = 0.95,
    most: int = _MOST,
) -> tuple[ModelSplits, ...]:
    """The (cases, non-cases) that give the interval under each variance model.

    The interval is read as A ± z·SE. With ``total`` only splits of that many are considered;
    otherwise all with up to ``most`` of each; ``share`` of cases is looked at apart. Empty where
    no A ± h prints the three numbers.
    """
    printed = Printed.parse(auc), Printed.parse(lower), Printed.parse(upper)
    reach = ratio_reach(*printed, log_scale=False)
    if reach is None:
        return ()
    z = NormalDist().inv_cdf(0.5 + level / 2)
    if total is None:
        grid = np.indices((most, most)) + 1
        cases, controls = grid[0].ravel(), grid[1].ravel()
    else:
        cases = np.arange(1, total)
        controls = total - cases
    return tuple(
        _splits(label, _fits(reach, z, cases, controls, model, ratio), cases, controls, share)
        for model, ratio, label in _MODELS
    )


def _fits(
    reach: Reach,
    z: float,
    cases: NDArray[np.int64],
    controls: NDArray[np.int64],
    model: AucVarianceModel,
    sd_ratio: float,
) -> NDArray[np.bool_]:
    low, high = (min(max(a, 0.0), 1.0) for a in reach.b)
    ends = [z * np.sqrt(auc_variance(a, cases, controls, model, sd_ratio)) for a in (low, high)]
    least, largest = np.minimum(*ends), np.maximum(*ends)
    return np.asarray((least <= reach.h[1] + 1e-12) & (largest >= reach.h[0] - 1e-12))


def _splits(
    label: str,
    fits: NDArray[np.bool_],
    cases: NDArray[np.int64],
    controls: NDArray[np.int64],
    share: float,
) -> ModelSplits:
    if not fits.any():
        return ModelSplits(label, False, None, None, None)
    n1, n0 = cases[fits], controls[fits]
    even = (n1 + n0)[np.abs(n1 - share * (n1 + n0)) <= 0.5]
    return ModelSplits(
        label,
        True,
        (int(n1.min()), int(n1.max())),
        (int((n1 + n0).min()), int((n1 + n0).max())),
        (int(even.min()), int(even.max())) if even.size else None,
    )


def check_auc_interval(
    auc: str,
    lower: str,
    upper: str,
    *,
    cases: int | None = None,
    controls: int | None = None,
    total: int | None = None,
    share: float | None = None,
    level: float = 0.95,
    ids: Mapping[str, str] | None = None,
) -> tuple[Finding, ...]:
    """An AUC with its interval against the numbers of ``cases`` and ``controls``, or their total.

    ``share`` of cases, where the paper prints it for a larger whole, makes the note more telling.

    Raises ValueError where a text is no number.
    """
    values = named(ids, "auc", "lower", "upper")
    bound = _hard_bound(auc, lower, upper, cases, controls, level, ids)
    if bound is not None:
        return (bound,)
    printed = Printed.parse(auc), Printed.parse(lower), Printed.parse(upper)
    if not 0 < float(printed[0].value) < 1:
        return ()
    if ratio_reach(*printed, log_scale=False) is None:
        return (_lopsided(auc, lower, upper, printed, values),)
    if cases is not None and controls is not None:
        return (_at_split(auc, lower, upper, printed, cases, controls, level, ids),)
    splits = auc_splits(auc, lower, upper, total=total, share=share or 0.5, level=level)
    identity = finding_id(Check.AUC_INTERVAL, "splits", values)
    evidence = {"total": total, "level": level, "splits": [s.to_json() for s in splits]}
    if not any(s.fits for s in splits):
        return (
            Finding(
                id=identity,
                check=Check.AUC_INTERVAL,
                values=named(ids, "auc", "lower", "upper", "total"),
                verdict=FindingVerdict.UNDETERMINED,
                reason=UndeterminedReason.CONVENTION_UNKNOWN,
                sentence=(
                    f"No split of {total or f'up to {_MOST} cases and {_MOST} others'} gives the "
                    f"AUC {auc} an interval from {lower} to {upper} under the variance models "
                    "tried."
                ),
                evidence=evidence,
                reconcile=(
                    "the interval is a bootstrap interval, or allows for clustering",
                    "the AUC is of other participants than those stated",
                    f"the interval is not a {100 * level:g}% interval",
                ),
            ),
        )
    fitting = [s for s in splits if s.fits]
    evidence |= {"share_of_cases": share}
    return (
        Finding(
            id=identity,
            check=Check.AUC_INTERVAL,
            values=values,
            verdict=FindingVerdict.NOTE,
            sentence=f"The AUC {auc} ({lower} to {upper}) fits {_describe(fitting, total, share)}.",
            evidence=evidence,
        ),
    )


def _describe(fitting: Sequence[ModelSplits], total: int | None, share: float | None) -> str:
    """The splits of all models together; each model's own are in the evidence."""
    names = f"{len(fitting)} of {len(_MODELS)} variance models"
    if total is not None:
        cases = [c for s in fitting if s.cases is not None for c in s.cases]
        return f"{_span((min(cases), max(cases)))} cases among {total} ({names})"
    totals = [t for s in fitting if s.at_share is not None for t in s.at_share]
    if not totals:
        totals = [t for s in fitting if s.total is not None for t in s.total]
        return f"from {min(totals)} participants on ({names})"
    part = "half" if share is None else f"{100 * share:.2g}% (the share in the whole study)"
    return f"{_span((min(totals), max(totals)))} participants if {part} are cases ({names})"


def _span(ends: tuple[int, int]) -> str:
    return f"{ends[0]}" if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"


def _at_split(
    auc: str,
    lower: str,
    upper: str,
    printed: tuple[Printed, Printed, Printed],
    cases: int,
    controls: int,
    level: float,
    ids: Mapping[str, str] | None,
) -> Finding:
    reach = ratio_reach(*printed, log_scale=False)
    assert reach is not None  # the caller has looked
    z = NormalDist().inv_cdf(0.5 + level / 2)
    n1, n0 = np.asarray([cases]), np.asarray([controls])
    fitting = [
        label for model, ratio, label in _MODELS if _fits(reach, z, n1, n0, model, ratio).any()
    ]
    typical = 2 * z * math.sqrt(float(auc_variance(float(printed[0].value), cases, controls)))
    width = float(printed[2].value - printed[1].value)
    plausible = 0.6 <= width / typical <= 1.7 if typical > 0 else False
    values = named(ids, "auc", "lower", "upper", "cases", "controls")
    fits = bool(fitting) or plausible
    sentence = f"With {cases} cases and {controls} others, an AUC of {auc} has a "
    sentence += f"{100 * level:g}% interval about {typical:.2g} wide (Hanley-McNeil); "
    sentence += f"the printed one, {lower} to {upper}, is {width:.2g} wide"
    return Finding(
        id=finding_id(Check.AUC_INTERVAL, "split", values),
        check=Check.AUC_INTERVAL,
        values=values,
        verdict=FindingVerdict.POSSIBLE if fits else FindingVerdict.UNDETERMINED,
        reason=None if fits else UndeterminedReason.CONVENTION_UNKNOWN,
        sentence=sentence + ("." if fits else ", which no usual distribution of scores gives."),
        evidence={"fits_under": fitting, "usual_width": typical, "printed_width": width},
        reconcile=()
        if fits
        else (
            "the interval allows for clustering or for the choice of the model",
            "the AUC is of other participants than those stated",
            f"the interval is not a {100 * level:g}% interval",
        ),
    )


def _hard_bound(
    auc: str,
    lower: str,
    upper: str,
    cases: int | None,
    controls: int | None,
    level: float,
    ids: Mapping[str, str] | None,
) -> Finding | None:
    """Van Dantzig's bound. A total alone proves nothing: the rarer class may be tiny."""
    if cases is None or controls is None:
        return None
    smaller, at = min(cases, controls), named(ids, "auc", "lower", "upper", "cases", "controls")
    proof = Certificate(
        CertificateKind.AUC_BOUND,
        {"auc": auc, "lower": lower, "upper": upper, "smaller": smaller, "level": str(level)},
    )
    if not check(proof):
        return None
    return Finding(
        id=finding_id(Check.AUC_INTERVAL, "bound", at),
        check=Check.AUC_INTERVAL,
        values=at,
        verdict=FindingVerdict.IMPOSSIBLE,
        sentence=(
            f"These values cannot all hold under any distribution of the scores: with {smaller} in "
            f"the rarer class, an AUC of {auc} cannot have an interval as wide as {lower} to "
            f"{upper}."
        ),
        evidence={"smaller": smaller, "level": level},
        reconcile=(
            "the AUC is of fewer participants than stated",
            "the interval allows for clustering, or is at a higher level",
            "a limit is misprinted",
        ),
        certificate=proof,
    )


def _lopsided(
    auc: str,
    lower: str,
    upper: str,
    printed: tuple[Printed, Printed, Printed],
    values: tuple[str, ...],
) -> Finding:
    a, low, high = (float(p.value) for p in printed)
    inside = 0 < low < a < high < 1
    logit = inside and _logit_symmetric(printed)
    cut = float(printed[2].accepted.high) >= 1
    how = "on the logit scale they are" if logit else "the upper one may be cut at 1" if cut else ""
    return Finding(
        id=finding_id(Check.AUC_INTERVAL, "symmetry", values),
        check=Check.AUC_INTERVAL,
        values=values,
        verdict=FindingVerdict.NOTE,
        sentence=(
            f"The limits {lower} and {upper} are not at equal distances from the AUC {auc}"
            + (f"; {how}." if how else "; bootstrap and logit limits need not be.")
        ),
        evidence={"logit_symmetric": bool(logit), "cut_at_1": cut},
    )


def _logit_symmetric(printed: tuple[Printed, Printed, Printed]) -> bool:
    """Whether logit(lower) + logit(upper) can equal twice logit(auc)."""

    def logit(value: float) -> float:
        clipped = min(max(value, 1e-9), 1 - 1e-9)
        return math.log(clipped / (1 - clipped))

    ends = [(logit(float(p.accepted.low)), logit(float(p.accepted.high))) for p in printed]
    middle, low, high = ends
    return low[0] + high[0] <= 2 * middle[1] and low[1] + high[1] >= 2 * middle[0]
