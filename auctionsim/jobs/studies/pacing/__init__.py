"""Test controllers on days that go wrong, and methods of pacing a budget and a return on spend against published statements."""
