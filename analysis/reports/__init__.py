"""Read run folders and report their results: measures, summary, verdict, tables, figures."""
