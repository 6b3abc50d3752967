"""From scores to analysis sets: composites, centring, the rows of each model."""
