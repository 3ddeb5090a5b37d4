"""Learn by evolution strategies: `macg-es`, `openai-es`, `cma-es`."""
