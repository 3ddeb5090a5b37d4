"""Show names from outside in text, Markdown and figures as they are: no markup, no formula, no control character."""
