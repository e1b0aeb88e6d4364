"""Fresh studies under the same truth: a model calibrated on a cohort, and batches of its draws."""
