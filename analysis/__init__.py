"""Measure markets and runs, and write reports: economics/ replays markets, reports/ reads runs, documents/ writes pages.

`statistics` decides every interval and comparison, `pareto` trade-offs. No module here knows a learner.
"""
