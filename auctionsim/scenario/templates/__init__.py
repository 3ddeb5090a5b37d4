"""Scenario files to start from, commented key by key; `auctionsim init --template NAME` writes one."""
