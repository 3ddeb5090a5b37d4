"""Report on accounts: what their campaigns spent together, what it brought, and whether their limits were kept."""
