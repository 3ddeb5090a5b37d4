"""The section `[delays]` and what groups say of their own delays."""
