"""Faults told to Sentry where SENTRY_DSN names one: by the site, its workers and the model server, never by a training.

What is sent is where our code broke. No address, name, cookie, header, query, body, variable or message goes along, since
each of them may hold what a person wrote.
"""

from typing import Any

from trainer import __version__

REQUEST = ("method",)
_state = {"started": False}


def start(part: str, dsn: str, **options: object) -> bool:
    """Begin to tell; whether there is somebody to tell it to."""
    if not dsn:
        return False
    import sentry_sdk

    sentry_sdk.init(
        dsn=dsn,
        release=f"maquette@{__version__}",
        server_name=part,
        include_local_variables=False,
        include_source_context=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        auto_session_tracking=False,
        traces_sample_rate=None,
        trace_propagation_targets=[],
        before_send=without_persons,
        **options,
    )
    _state["started"] = True
    return True


def tell(error: BaseException) -> None:
    """A fault that is answered for and would not be seen otherwise."""
    if _state["started"]:
        import sentry_sdk

        sentry_sdk.capture_exception(error)


def without_persons(event: dict[str, Any], _hint: object = None) -> dict[str, Any]:
    for name in ("user", "extra", "breadcrumbs", "contexts", "message", "transaction", "tags"):
        event.pop(name, None)
    if "request" in event:
        event["request"] = {name: event["request"][name] for name in REQUEST if name in event["request"]}
    if "logentry" in event:
        event["logentry"] = {"message": str(event["logentry"].get("message", ""))}
    for exception in (event.get("exception") or {}).get("values") or []:
        exception["value"] = ""
        for frame in (exception.get("stacktrace") or {}).get("frames") or []:
            frame.pop("vars", None)
    return event
