"""Learn: ask and tell over whole markets."""
