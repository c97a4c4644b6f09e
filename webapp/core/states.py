"""How a prototype stands, in the one word that its sculpture, its card and its tabs show."""

STATES = ("live", "paused", "training", "clay", "asleep", "removed", "draft")


def run_state(status: str) -> str:
    """The same word for a run by its status: draft while it waits, training, clay once it succeeded, else asleep."""
    at_work = ("starting", "running", "interrupted", "testing")
    return {"queued": "draft", "succeeded": "clay", "scored": "clay"}.get(
        status, "training" if status in at_work else "asleep"
    )


def state_of(
    *, live: bool, endpoint: bool, active: bool, finished: bool, removed: bool = False, budget_is_spent: bool = False
) -> str:
    """live (its demo is on, whatever else is at work), paused (it would be, but the budget is spent), training, asleep (its
    demo does not answer), clay (`finished`: it has a run with a model), removed (runs finished, but every model was removed),
    draft."""
    if live:
        return "paused" if budget_is_spent else "live"
    if active:
        return "training"
    if endpoint:
        return "asleep"
    if finished:
        return "clay"
    return "removed" if removed else "draft"
