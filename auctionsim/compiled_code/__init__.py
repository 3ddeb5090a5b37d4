"""Compile functions, and keep their machine code where only its user can write."""
