"""How far experiments in a shared auction are from the truth: designs, published statements, and instances in closed form."""
