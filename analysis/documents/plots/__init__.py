"""Draw figures. Each function takes numbers and returns a matplotlib Figure; it saves nothing and sets no global style."""
