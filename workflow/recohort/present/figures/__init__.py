"""The figures: each file collects its data from a study's results, then draws them."""
