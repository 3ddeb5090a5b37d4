"""Days of one market side by side, each copy on a day and in an hour of its own."""
