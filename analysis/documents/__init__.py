"""Write pages, tables and figures."""
