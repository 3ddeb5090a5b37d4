"""Formats of logs, one module each."""
