"""What proves the product: error rates, coverage and power in studies whose truth is known. Not part of the wheel."""
