"""Whether two columns have the same name in another spelling."""

from trainer.data.exports.known import fold_name

MIN_TYPO_LETTERS = 5


def is_same_name(name: str, other: str) -> bool:
    one, two = fold_name(name), fold_name(other)
    if one and one.replace("_", "") == two.replace("_", ""):
        return True
    return min(len(one), len(two)) >= MIN_TYPO_LETTERS and one.isalpha() and two.isalpha() and is_typo(one, two)


def is_typo(one: str, two: str) -> bool:
    """One letter too many or two exchanged; never another letter in a place, which may be a column of its own."""
    if len(one) > len(two):
        one, two = two, one
    if len(two) - len(one) == 1:
        return any(two[:place] + two[place + 1 :] == one for place in range(len(two)))
    differing = [place for place, (a, b) in enumerate(zip(one, two, strict=False)) if a != b]
    return (
        len(one) == len(two)
        and len(differing) == 2
        and differing[1] == differing[0] + 1
        and one[differing[0]] == two[differing[1]]
        and one[differing[1]] == two[differing[0]]
    )
