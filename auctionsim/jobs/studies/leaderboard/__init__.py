"""The study `leaderboard`: every learner and rule on the same markets."""
