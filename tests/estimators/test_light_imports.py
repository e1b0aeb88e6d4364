"""Importing an estimator loads no library that it does not need."""

import subprocess
import sys

import pytest

HEAVY = ("pandas", "lifelines", "statsmodels", "numba", "matplotlib", "sklearn", "scipy.stats")


@pytest.mark.parametrize(
    "modules",
    [
        "arguments auc auc_variance bootstrap calibration chi_square cox diagnostic_accuracy "
        "fisher_exact kaplan_meier linear_mixed log_rank mann_whitney mcnemar optimism paired_t "
        "percent_change proportion ranks result roc summary two_sample_t wilcoxon_signed_rank"
    ],
)
def test_no_heavy_library_is_loaded(modules):
    code = "import sys\n" + "".join(f"import recohort.estimators.{m}\n" for m in modules.split())
    code += f"print([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
