"""Replay on several cores: policies on threads of their own, or one day in windows."""
