"""Raw logs to traffic tables, out of core on DuckDB.

A format (`formats/`, one module each) states how a file's columns are found, which values are valid, and which SQL turns them
into rows of the common log. The other steps are the same for all formats: `log_files`, `archives`, `log_reader`, `rates`,
`cells`, `budgets`, `summary` and `output`. `pipeline` runs them in order.
"""

from auctionsim.extras import expect_library

expect_library("duckdb", __name__)
