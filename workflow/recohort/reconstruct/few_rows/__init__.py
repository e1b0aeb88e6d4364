"""Few rows: single values change under every printed statistic, kept exact."""
