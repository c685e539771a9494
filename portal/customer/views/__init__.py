"""The customer's pages. Each view starts from what is the caller's own; the rest is not there."""
