"""Arrays on a device: the market's own formulas in torch, on a GPU or on the processor."""
