"""Tests that messages about text files name the line that an editor shows."""
