"""How a prototype stands, in the one word that its sculpture, its card and its tabs show."""

STATES = ("live", "training", "clay", "asleep", "draft")


def state_of(*, live: bool, endpoint: bool, active: bool, finished: bool) -> str:
    """live (its demo answers, whatever else is at work), training, asleep (its demo does not answer), clay (it has a
    finished run), draft."""
    if live:
        return "live"
    if active:
        return "training"
    if endpoint:
        return "asleep"
    return "clay" if finished else "draft"
