"""Searches for cohorts that print the paper."""
