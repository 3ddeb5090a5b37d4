"""Show a run while it goes on: read what its folder says so far, and make a page of it. Nothing here writes."""
