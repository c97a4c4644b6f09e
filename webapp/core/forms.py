"""A form that is refused is shown again on its own page: what was typed is kept, and each error stands beside its field.

A view that takes a form says which page the form stands on, and reads it with `cleaned` (`form_on` is `refused_on` under a
guard, see `webapp.accounts.access`):

    @form_on("costs")
    def set_budget(request):
        asked = cleaned(BudgetForm(request.POST))
        actions.set_budget(request.workspace, asked["amount"])  # may raise Problem(…, field="amount")
        return redirect("costs")

The page makes its form with `shown_form`, which hands back the refused one where there is one, and the template draws
each field with `_field.html` (or `_errors.html` below a field that it draws itself). No script is needed.
"""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar
from urllib.parse import SplitResult, urlsplit

from django.contrib import messages
from django.forms import Form
from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import resolve, reverse

from webapp.core.problems import Problem, problem_of

P = ParamSpec("P")
RequestKind = TypeVar("RequestKind", bound=HttpRequest)
Shown = TypeVar("Shown", bound=Form)
MENDABLE = (400, 402, 409, 413, 422, 429, 503)
"""Statuses after which the same form may be sent again with something else in it, or later."""


class Invalid(Problem):
    """What a form says of its fields: {name: [sentences]}, `__all__` for the form as a whole."""

    def __init__(self, form: Form) -> None:
        self.errors = {name: [str(error) for error in errors] for name, errors in form.errors.items()}
        name, sentences = next(iter(self.errors.items()))
        title = f"{form.fields[name].label}: " if name in form.fields and form.fields[name].label else ""
        super().__init__(title + sentences[0], field=name if name in form.fields else "")


class Refusal:
    """One form that was refused: where it was sent to, what it held, and why."""

    def __init__(self, action: str, data: QueryDict, problem: Problem) -> None:
        self.action, self.data, self.problem = action, data, problem
        self.shown = False
        """Whether a form of the page has taken the message; else the page says it above everything."""

    @property
    def errors(self) -> dict[str, list[str]]:
        if isinstance(self.problem, Invalid):
            return self.problem.errors
        return {self.problem.field or "__all__": [f"{self.problem.message} {self.problem.hint}".strip()]}


def cleaned(form: Form) -> dict[str, Any]:
    """The form's values; `Invalid` with its errors where it has some."""
    if not form.is_valid():
        raise Invalid(form)
    return form.cleaned_data


def refusal_of(request: HttpRequest, action: str) -> Refusal | None:
    """The refusal of the form that is sent to this address, for a page that draws its fields by hand."""
    refusal = getattr(request, "refusal", None)
    return refusal if refusal is not None and refusal.action == action else None


def shown_form(
    request: HttpRequest,
    action: str,
    form_class: Callable[..., Shown],
    *args: object,
    is_part: bool = False,
    **options: object,
) -> Shown:
    """The form that is sent to `action`: as it was sent, with its errors, if it was just refused; else a fresh one.

    `is_part`: one of several forms that are sent together; it takes the errors of its own fields alone.
    """
    refusal = refusal_of(request, action)
    if refusal is None:
        return form_class(*args, **options)
    form = form_class(*args, data=refusal.data, **options)
    own_errors = dict(form.errors)
    for name, sentences in refusal.errors.items():
        if name in own_errors or (is_part and name not in form.fields):
            continue
        for sentence in sentences:
            form.add_error(name if name in form.fields else None, sentence)
    refusal.shown = refusal.shown or bool(form.errors)
    first = next((name for name in form.fields if name in form.errors), None)
    if first:
        form.fields[first].widget.attrs["autofocus"] = True
    return form


def refused_on(
    page: str, arguments: Callable[..., list[str]] | None = None
) -> Callable[
    [Callable[Concatenate[RequestKind, P], HttpResponse]], Callable[Concatenate[RequestKind, P], HttpResponse]
]:
    """On a `Problem` that the sender can mend, answer a POST with the page that the form stands on.

    `page` is the name of its address; `arguments(request, *args, **kwargs)` makes that address's, the view's own by
    default. The page is drawn as a GET would (with the query that the browser had open), under the problem's status.
    Programs, and htmx, which swaps a fragment, get the problem alone.
    """

    def decorate(
        view: Callable[Concatenate[RequestKind, P], HttpResponse],
    ) -> Callable[Concatenate[RequestKind, P], HttpResponse]:
        @wraps(view)
        def checked(request: RequestKind, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            try:
                return view(request, *args, **kwargs)
            except Exception as error:
                problem = problem_of(error)
                if not isinstance(problem, Problem) or not stays(request, problem):
                    raise
                given = arguments(request, *args, **kwargs) if arguments else [*args, *kwargs.values()]
                return page_again(request, reverse(page, args=given), problem)

        return checked

    return decorate


def stays(request: HttpRequest, problem: Problem) -> bool:
    is_page = request.method == "POST" and not getattr(request, "htmx", False)
    wants_json = request.headers.get("Accept", "").startswith("application/json")
    return is_page and not wants_json and bool(problem.field or problem.status in MENDABLE)


def page_before(request: HttpRequest) -> SplitResult:
    """The address that the browser names as the one it comes from; an empty one where it cannot be read."""
    try:
        return urlsplit(request.headers.get("Referer", ""))
    except ValueError:
        return urlsplit("")


def page_again(request: HttpRequest, address: str, problem: Problem) -> HttpResponse:
    refusal = Refusal(request.path, request.POST, problem)
    before = page_before(request)
    match = resolve(address)
    request.refusal = refusal  # type: ignore[attr-defined]
    request.method = "GET"
    request.path = request.path_info = address
    request.META["QUERY_STRING"] = before.query if before.path == address else ""
    request.GET = QueryDict(request.META["QUERY_STRING"])
    request.resolver_match = match
    response: HttpResponse = match.func(request, *match.args, **match.kwargs)
    if response.status_code == 200:
        response.status_code = problem.status
    else:
        messages.error(request, f"{problem.message} {problem.hint}".strip())
    return response


def typed(request: HttpRequest, action: str) -> Mapping[str, str]:
    """What was typed into the refused form of this address; nothing where none was refused."""
    refusal = refusal_of(request, action)
    return refusal.data if refusal else {}
