"""The synthetic generator's parameters from a traffic table, so that private logs can be shared as a scenario.

`estimates` reads them off the table, `components` holds the statistics, `document` writes scenario and profile.
"""
