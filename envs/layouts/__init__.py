"""Other layouts of the observations, as wrappers of the environments."""
