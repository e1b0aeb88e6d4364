"""Survival: times, events and clusters change until every rate, limit and hazard ratio prints."""
