"""Fits a card's models to a cohort: the design matrix, the fit, the linear predictor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from recohort.analysis.frame import BoolArray, Frame
from recohort.card.analyses import Coding, CodingKind, CoxModel, LogisticModel
from recohort.cohort import FloatArray, IntArray

__all__ = ["FittedModel", "ModelData", "coded", "fit_model", "fit_without", "model_data"]


@dataclass(frozen=True, slots=True)
class ModelData:
    """What a model is fitted on: the complete rows of its population.

    ``design`` (rows, p) starts with a column of ones for logistic models; ``scale`` holds, for each
    term, the SD that a per-SD coding divides by (1 elsewhere), so that other rows are coded alike.
    """

    rows: BoolArray
    outcome: FloatArray
    design: FloatArray
    names: tuple[str, ...]
    scale: FloatArray
    group: IntArray | None
    time: FloatArray | None = None


@dataclass(frozen=True, slots=True)
class FittedModel:
    """A fit in the terms of its model: one coefficient and standard error a term."""

    model: LogisticModel | CoxModel
    data: ModelData
    coef: dict[str, float]
    se: dict[str, float]
    intercept: float
    loglik: float
    sd: float
    message: str

    @property
    def residual_df(self) -> int:
        """Rows less coefficients (and the random intercept's SD, where there is one)."""
        return self.data.outcome.size - len(self.coef) - 1 - (self.data.group is not None)


def coded(values: FloatArray, coding: Coding, scale: float) -> FloatArray:
    """A column as it enters a model."""
    match coding.kind:
        case CodingKind.LINEAR:
            return values / float(coding.per)
        case CodingKind.LOG:
            with np.errstate(divide="ignore", invalid="ignore"):
                return np.log(values) / float(np.log(float(coding.per)))
        case CodingKind.AT_LEAST:
            high = (values >= float(coding.threshold or 0)).astype(np.float64)
            return np.where(np.isnan(values), np.nan, high)
        case CodingKind.PER_SD:
            return values / scale


def predictors(
    frame: Frame, model: LogisticModel | CoxModel, unit: str, scale: FloatArray
) -> FloatArray:
    """The coded terms on every row of ``unit``, shape (rows, terms)."""
    return np.column_stack(
        [
            coded(frame.values(term.column, unit), term.coding, float(scale[index]))
            for index, term in enumerate(model.terms.values())
        ]
    )


def model_data(frame: Frame, model: LogisticModel | CoxModel) -> ModelData:
    """The complete rows of a model's population, coded."""
    unit = frame.card.populations[model.population].unit
    rows = frame.population(model.population)
    scale = np.ones(len(model.terms))
    rows = rows & np.isfinite(predictors(frame, model, unit, scale)).all(axis=1)
    rows = rows & frame.known(model.outcome, unit)
    time = None
    if isinstance(model, CoxModel):
        time = frame.values(model.time, unit)
        rows = rows & ~np.isnan(time)
    for index, term in enumerate(model.terms.values()):
        if term.coding.kind is CodingKind.PER_SD and rows.sum() > 1:
            scale[index] = float(np.std(frame.values(term.column, unit)[rows], ddof=1)) or 1.0
    terms = predictors(frame, model, unit, scale)
    outcome = frame.mask(model.outcome, unit).astype(np.float64)
    design = terms[rows]
    names: Sequence[str] = tuple(model.terms)
    if isinstance(model, LogisticModel):
        design = np.column_stack([np.ones(int(rows.sum())), design])
        names = ("intercept", *names)
    return ModelData(
        rows=rows,
        outcome=outcome[rows],
        design=design,
        names=tuple(names),
        scale=scale,
        group=None if model.group is None else frame.groups(model.group, unit)[rows],
        time=None if time is None else time[rows],
    )


def fit_model(frame: Frame, model: LogisticModel | CoxModel) -> FittedModel:
    """Fit a model; what cannot be estimated is NaN, with the reason in ``message``."""
    data = model_data(frame, model)
    try:
        return _fit(model, data, data.design, tuple(model.terms))
    except ValueError as problem:
        nothing = dict.fromkeys(model.terms, float("nan"))
        nan = float("nan")
        return FittedModel(model, data, nothing, nothing, nan, nan, nan, str(problem))


def fit_without(fitted: FittedModel, term: str) -> FittedModel:
    """The same model without one term, on the same rows, for a likelihood ratio."""
    keep = [index for index, name in enumerate(fitted.data.names) if name != term]
    kept = tuple(name for name in fitted.model.terms if name != term)
    return _fit(fitted.model, fitted.data, fitted.data.design[:, keep], kept)


def _fit(
    model: LogisticModel | CoxModel, data: ModelData, design: FloatArray, terms: tuple[str, ...]
) -> FittedModel:
    if isinstance(model, CoxModel):
        return _fit_cox(model, data, design, terms)
    names = ("intercept", *terms)
    if model.group is not None and data.group is not None:
        from recohort.estimators.mixed_logistic import fit_mixed_logistic

        mixed = fit_mixed_logistic(data.outcome, design, data.group, nodes=model.nodes, names=names)
        coef, se, loglik, sd = mixed.coef, mixed.se, mixed.loglik, mixed.sd
        message = mixed.message
    else:
        from recohort.estimators.logistic import fit_logistic

        plain = fit_logistic(data.outcome, design, names=names)
        coef, se, loglik, sd = plain.coef, plain.se, plain.loglik, float("nan")
        message = plain.message
    return FittedModel(
        model=model,
        data=data,
        coef=dict(zip(terms, map(float, coef[1:]), strict=True)),
        se=dict(zip(terms, map(float, se[1:]), strict=True)),
        intercept=float(coef[0]),
        loglik=float(loglik),
        sd=float(sd),
        message=message,
    )


def _fit_cox(
    model: CoxModel, data: ModelData, design: FloatArray, terms: tuple[str, ...]
) -> FittedModel:
    from recohort.estimators.cox import cox

    if data.time is None:
        raise ValueError("time: got None; a Cox model takes a time for each row")
    fit = cox(data.time, data.outcome, design, data.group, model.ties)
    return FittedModel(
        model=model,
        data=data,
        coef=dict(zip(terms, map(float, fit.coefficients), strict=True)),
        se=dict(zip(terms, map(float, fit.standard_errors), strict=True)),
        intercept=0.0,
        loglik=fit.log_likelihood,
        sd=float("nan"),
        message=fit.note,
    )


def linear_predictor(frame: Frame, fitted: FittedModel, unit: str) -> FloatArray:
    """The fixed part of a fitted model on every row of ``unit`` (random effects at 0)."""
    terms = predictors(frame, fitted.model, unit, fitted.data.scale)
    weights = np.array([fitted.coef[name] for name in fitted.model.terms])
    return np.asarray(fitted.intercept + terms @ weights)
