"""The interval of a share, without numpy: the site shows some too."""


def wilson_interval(share: float, rows: int, z: float = 1.96) -> tuple[float, float]:
    """95 % interval of a share of so many rows (Wilson 1927)."""
    middle = (share + z**2 / (2 * rows)) / (1 + z**2 / rows)
    half = z / (1 + z**2 / rows) * (share * (1 - share) / rows + z**2 / (4 * rows**2)) ** 0.5
    return max(min(middle - half, share), 0.0), min(max(middle + half, share), 1.0)
