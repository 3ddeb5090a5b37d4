"""The platform's predictions: their errors against the true rates, and calibrators fitted to training days."""
