"""Where results go: temporary files that nobody can foresee, files that appear together, and no output over an input."""
