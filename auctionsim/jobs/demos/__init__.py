"""Run demos: one scenario as several arms, and the traffic tables that they need."""
