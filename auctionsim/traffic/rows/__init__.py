"""Rows of candidate ads side by side in memory, as the auction reads them, and the compiled loop that draws them."""
