"""Learners. Each proposes tasks, is told their results, and keeps its whole state in arrays."""
