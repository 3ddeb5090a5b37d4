"""Search over settings of a scenario."""
