"""Begin a report: the conclusion on each run in one sentence, and what its scenario is."""
