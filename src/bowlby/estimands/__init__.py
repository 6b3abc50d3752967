"""The six estimands of the comparison, each a question of its own; here, the names of the records they are kept in."""

NAMES = ("e1", "e2", "e3", "e4", "e5", "e6", "dominance", "suppression", "likelihood", "variance", "measurement",
         "sensitivity")  # fmt: skip
