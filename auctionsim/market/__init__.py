"""The simulated ad market: traffic, mechanism, engine. numpy and numba only; no torch, no ray."""
