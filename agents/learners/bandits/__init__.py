"""Learn one multiplier of the value by trial: Q-learning without states, and an adversarial bandit."""
