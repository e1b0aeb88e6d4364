"""Figures, tables and pages: they read the stages' files and compute no verdict of their own."""
