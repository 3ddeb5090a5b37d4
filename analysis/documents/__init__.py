"""Write documents: pages, Markdown, tables and figures."""
