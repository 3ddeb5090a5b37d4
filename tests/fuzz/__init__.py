"""Fuzzers: hostile inputs for every door of the program, each target in a child process with limits of time and memory.

`make fuzz MINUTES=10` runs them (`python -m tests.fuzz --help`). A target is a module of `targets`; `corpus` holds every case
that was found, and the suite replays them.
"""
