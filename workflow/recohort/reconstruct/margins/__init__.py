"""Margins: columns on their recording grid that print every statistic of them."""
