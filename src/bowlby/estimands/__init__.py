"""The six estimands of the comparison, each a question of its own."""
