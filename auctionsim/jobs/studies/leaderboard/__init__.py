"""Run the study `leaderboard`: every learner and rule on the same markets."""
