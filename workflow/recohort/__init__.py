"""Audit, reconstruct, replicate and compare the numbers that a clinical paper printed."""
