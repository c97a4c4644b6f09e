"""Whether two columns have the same name in another spelling."""

from trainer.data.exports.known import fold_name

MIN_TYPO_LETTERS = 5


def is_same_name(name: str, other: str) -> bool:
    first, second = fold_name(name), fold_name(other)
    if first and first.replace("_", "") == second.replace("_", ""):
        return True
    return (
        min(len(first), len(second)) >= MIN_TYPO_LETTERS
        and first.isalpha()
        and second.isalpha()
        and is_typo(first, second)
    )


def is_typo(shorter: str, longer: str) -> bool:
    """One letter too many or two exchanged; never another letter in a place, which may be a column of its own."""
    if len(shorter) > len(longer):
        shorter, longer = longer, shorter
    if len(longer) - len(shorter) == 1:
        return any(longer[:place] + longer[place + 1 :] == shorter for place in range(len(longer)))
    differing = [place for place, (a, b) in enumerate(zip(shorter, longer, strict=False)) if a != b]
    return (
        len(shorter) == len(longer)
        and len(differing) == 2
        and differing[1] == differing[0] + 1
        and shorter[differing[0]] == longer[differing[1]]
        and shorter[differing[1]] == longer[differing[0]]
    )
