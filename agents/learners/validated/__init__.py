"""Choose the margin above the revenue floor on validation days, for every learner (docs/macg.md)."""
