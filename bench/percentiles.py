"""How long the slowest of a hundred took."""


def percentile(values: list[float], percent: int) -> float:
    """Return the value that `percent` of a hundred do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]
