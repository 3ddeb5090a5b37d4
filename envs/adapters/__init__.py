"""Speak other libraries' own dialects, where Gymnasium's and PettingZoo's contracts are not enough: one module per library."""
