"""Serve the page of a run that goes on, to this machine alone."""
