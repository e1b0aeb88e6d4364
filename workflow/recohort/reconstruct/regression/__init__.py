"""Regressions: rows and predictors change until every coefficient, limit and area prints."""
