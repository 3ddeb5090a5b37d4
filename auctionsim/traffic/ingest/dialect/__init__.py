"""Ways to write the same values: time zones, formats of times, encodings, and marks in numbers."""
