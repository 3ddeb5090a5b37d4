"""Fit the synthetic generator to a traffic table, so that private logs can be shared as a scenario.

`estimates` estimates the generator's parameters, `volumes` those of traffic volumes, `components` holds the statistics, and
`output` writes scenario and profile.
"""
