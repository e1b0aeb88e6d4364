"""Which printed numbers cannot be true together, and why.

Every check is a function of printed text. They can be called from here
(``recohort.audit.check_ratio("3.78", "1.19", "12.04", ".03")``); each lives in the module that
``_HOME`` names and is imported when first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

_HOME: Final = {
    "Candidate": "proportion_interval",
    "Certificate": "certificate",
    "Finding": "finding",
    "FindingVerdict": "finding",
    "Quotient": "rounding",
    "audit_card_file": "study",
    "audit_denominators": "percentages",
    "audit_nesting": "nesting",
    "audit_overlap": "counts",
    "audit_path": "study",
    "audit_percentage": "percentages",
    "audit_total": "counts",
    "audit_variable": "one_variable",
    "auc_splits": "auc_interval",
    "check_auc_interval": "auc_interval",
    "check_certificate": "certificate",
    "check_crude_ratio": "two_by_two",
    "check_events_per_variable": "two_by_two",
    "check_mean_change": "comparison",
    "check_order": "agreement",
    "check_paired": "comparison",
    "check_proportion_interval": "proportion_interval",
    "check_range": "agreement",
    "check_rank_test": "comparison",
    "check_ratio": "ratio",
    "check_rounding": "rounding",
    "check_same": "agreement",
    "check_significance": "agreement",
    "check_standard_error": "two_by_two",
    "check_survival": "comparison",
    "check_two_means": "comparison",
    "check_u_statistic": "comparison",
    "methods_that_print": "proportion_interval",
    "possible_counts": "percentages",
    "possible_pairs": "percentages",
    "wald_p": "ratio",
}
"""What can be called from here, and the module that it lives in."""

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'recohort.audit' has no attribute {name!r}")
    module = import_module(f"recohort.audit.{_HOME[name]}")
    return getattr(module, "check" if name == "check_certificate" else name)
