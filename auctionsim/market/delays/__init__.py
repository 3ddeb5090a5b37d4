"""Conversions that are reported late: what has arrived, estimates of what will arrive, and the truth beside them."""
