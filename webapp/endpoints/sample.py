"""The sample prototype of a fresh site: data, then a run, then a live demo, one step whenever the last is done."""

from webapp.accounts.actions import first_owner
from webapp.datasets.models import Status as DatasetStatus
from webapp.endpoints.actions import deploy
from webapp.endpoints.addresses import demo_url
from webapp.endpoints.choosing import Choice, Wish, check
from webapp.endpoints.examples import Sight
from webapp.endpoints.models import Status, Visibility
from webapp.prototypes.actions import start_from_sample
from webapp.prototypes.models import Prototype
from webapp.runs.actions import create_run
from webapp.runs.inputs import SHOWN_EXAMPLES
from webapp.runs.models import Run
from webapp.runs.models import Status as RunStatus


def create() -> Prototype | None:
    """The sample of an empty site; None where somebody has already made a prototype."""
    user, workspace = first_owner()
    if Prototype.objects.exists():
        return None
    return start_from_sample(workspace, user)


def advance() -> str | None:
    """Take the next step that is due; the demo's address once it is live. Safe to call again at any time."""
    prototype = Prototype.objects.filter(sample=True).order_by("created_at").first()
    if prototype is None or prototype.dataset.current is None:
        return None
    endpoint = getattr(prototype, "endpoint", None)
    if endpoint:
        return demo_url(endpoint) if endpoint.status == Status.LIVE else None
    run = prototype.runs.order_by("number").first()
    if run is None:
        create_run(prototype, prototype.created_by, {"method": "probe"})
    elif run.has_model:
        fields = {"name": prototype.name, "visibility": Visibility.PUBLIC, "examples": own_examples(run)}
        deploy(run, prototype.created_by, **fields)
    return None


def own_examples(run: Run) -> Choice:
    """Every row that may be shown: the sample's data come with Maquette and are nobody's."""
    sight = Sight(run)
    rows = range(min(len(sight.examples), SHOWN_EXAMPLES))
    return check(run, Wish(tick=frozenset(number for number in rows if not sight.refusal(number))))


def failure() -> str | None:
    """Why the sample will not come up, in a sentence."""
    prototype = Prototype.objects.filter(sample=True).order_by("created_at").first()
    if prototype is None:
        return None
    version = prototype.dataset.latest
    if version and version.status == DatasetStatus.FAILED:
        return (version.error or {}).get("message")
    run = prototype.runs.order_by("number").first()
    return (run.error or {}).get("message") if run and run.status == RunStatus.FAILED else None
