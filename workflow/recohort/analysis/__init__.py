"""A card and a cohort in, one estimate for each statistic out: the same for any cohort."""
