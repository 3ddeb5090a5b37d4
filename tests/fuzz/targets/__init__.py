"""One module per target, each with a `TARGET` of the shape `base.Target`. It is found by its file name."""
