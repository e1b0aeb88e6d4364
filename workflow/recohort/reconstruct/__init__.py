"""Searches for cohorts that print the paper; docs/reconstruct.md has a map of the files."""
