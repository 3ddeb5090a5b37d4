"""Look at one run from Python: its tables for polars and pandas, its figures, and what a notebook shows of it."""
