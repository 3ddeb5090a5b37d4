"""Learn by policy gradients, and the networks and memories that learners share."""
