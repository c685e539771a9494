"""What is refused, each case with the reason that the operator's log gives for it."""
