"""Demos: one scenario told as several arms, and the tables they need."""
