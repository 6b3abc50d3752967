"""Names of the records that the estimands are kept in."""

NAMES = ("e1", "e2", "e3", "e4", "e5", "e6", "dominance", "suppression", "likelihood", "variance", "measurement",
         "sensitivity")  # fmt: skip
