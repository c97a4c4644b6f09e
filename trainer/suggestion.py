"""Which task a table suggests, and which column plays which role in it: guesses that a person may overrule. Light.

A task reads some roles and answers with one (`trainer.tasks`). Tables are recognised by what their columns hold first, by name second.
"""

from collections.abc import Iterable

from trainer import answers, tasks
from trainer import columns as kinds
from trainer.columns import ColumnProfile
from trainer.messages import Message, _, gettext_noop
from trainer.named_columns import TARGETS, are_compared, best_target, first_named, is_named
from trainer.tasks.base import Shape

Columns = list[ColumnProfile]
Roles = dict[str, str]


WORDY = 15
"""Characters of a sentence."""
ANSWERING = frozenset({"positive", "document", "passage"})
"""Names of texts that answer a query where there is no score."""
LANGUAGES = frozenset(["en", "de", "fr", "es", "it", "pt", "nl", "pl", "ru", "zh", "ja", "ko", "ar", "tr", "sv", "da", "fi", "cs", "el", "he", "hi", "uk", "vi", "english", "german", "french", "spanish", "italian", "chinese", "japanese"])  # fmt: skip
FACTS = frozenset({"file", "frame", "width", "height", "mode", "seconds", "rate", "channels"})
"""Columns that the reader of pictures and sounds adds."""
FEWEST_BESIDE, LEAST_PRESENT = 3, 0.1
"""Columns beside a text, each with a value in so large a share of the rows, from which a file is a table with a text."""
FEWEST_FILLED, LEAST_FILLED = 10, 0.02
"""Rows, and share of all rows, from which a column says by itself what a file is for, where less than half of it is filled."""
MEDIA = ("image", "audio")
"""Roles of a file, which are also the kinds of their columns."""


def suggest(
    columns: Columns, task: str | None = None, chosen: Roles | None = None
) -> tuple[str | None, Roles, Shape | None]:
    """(task, role → column, shape); (None, {}, None) when nothing fits. `task` and `chosen` are what somebody has settled."""
    chosen = dict(chosen or {})
    guesses = list(guess(columns, chosen))
    if task:
        roles = next((roles for slug, roles in guesses if slug == task and set(chosen) <= set(roles)), {})
        roles = roles or next((roles for slug, roles in guesses if slug == task), {})
        settled = complete_guess(task, roles | chosen, columns) if roles | chosen else (None, {}, None)
        return settled if settled[0] else complete_guess(task, roles_by_name(columns, task) | roles | chosen, columns)
    for slug, roles in guesses:
        if set(chosen) <= set(roles):
            return complete_guess(slug, roles | chosen, columns)
    for slug, shape in tasks.shapes().items():
        if chosen and set(shape.roles) <= set(chosen):
            return complete_guess(slug, chosen, columns)
    return None, {}, None


READABLE = {
    "image": {"image"},
    "audio": {"audio"},
    "objects": {"objects"},
    "messages": {"messages"},
    "tokens": {"list"},
    "tags": {"list"},
    "labels": {"list", "category", "text"},
    "answers": {"list", "json", "text", "category"},
    "score": {"number", "category", "boolean"},
}
"""Kinds of columns that a role can be read from, where it is not any column of words."""


def possible(columns: Columns) -> list[str]:
    """The tasks that a file with these columns can be, those that read most first: each role has a column of its own that it
    can be read from. A file of pictures or sounds is nothing else."""
    return [slug for slug in tasks.shapes() if first_fit(columns, slug) is not None]


def first_fit(columns: Columns, task: str) -> Roles | None:
    """A column for each role of the task: the reader's guess where there is one, else the first columns that can be read
    so; None when the file cannot be this task."""
    free = [column for column in columns if column["kind"] != "empty"]
    has_media = any(column["kind"] in MEDIA for column in free)
    if has_media:
        free = [column for column in free if column["name"] not in FACTS]
    shape = tasks.shapes()[task]
    if has_media != any(role in MEDIA for role in shape.roles):
        return None
    if not shape.reads and len(free) < 2:
        return None
    guessed = suggest(columns, task)[1]
    if guessed and set((shape_of(task, guessed) or shape).roles) <= set(guessed):
        return guessed
    roles: Roles = {}
    for role in shape.roles:
        fitting = [
            column for column in free if column["name"] not in roles.values() and is_readable(column, role, shape)
        ]
        if not fitting:
            return None
        roles[role] = best_target(fitting)["name"] if role == shape.answer else fitting[0]["name"]
    return roles


def is_readable(column: ColumnProfile, role: str, shape: Shape) -> bool:
    """Whether the column's kind suits the role of a task of this shape."""
    answer = answers.find(shape.kind) if role == shape.answer else None
    if answer is None or not answer.columns:
        return column["kind"] in READABLE.get(role, {"text", "category"})
    if answer.distinct is not None and not answer.distinct[0] <= column["distinct"] <= answer.distinct[1]:
        return False
    named = column["kind"] in answer.named_columns and is_named(column, "audio_text")
    return named or column["kind"] in answer.columns


def roles_by_name(columns: Columns, task: str) -> Roles:
    """The task's roles for which there is a column of that very name: what is meant where nothing else can be guessed."""
    kinds_of = {column["name"]: column["kind"] for column in columns if column["kind"] != "empty"}
    shape = tasks.shapes().get(task)
    roles = shape.roles if shape else ()
    return {role: role for role in roles if role in kinds_of and (role not in MEDIA or kinds_of[role] == role)}


def complete_guess(task: str, roles: Roles, columns: Columns) -> tuple[str | None, Roles, Shape | None]:
    """The guess with its shape; nothing when a role of the task is open."""
    shape = shape_of(task, roles)
    if shape is None or not set(shape.roles) <= set(roles):
        return None, {}, None
    return task, {role: name for role, name in roles.items() if role not in rival_roles(task, shape)}, shape


def rival_roles(task: str, shape: Shape) -> set[str]:
    """Roles that the task reads instead of this shape's, in a shape that has none of them."""
    declared = tasks.find(task)
    shapes = declared.every_shape() if declared else ()
    others = [other for other in shapes if other != shape and not set(other.reads) & set(shape.reads)]
    return {role for other in others for role in other.roles}


def shape_of(task: str, roles: Iterable[str]) -> Shape | None:
    """What a task reads and answers with where these of its roles have a column; None for no task."""
    declared, roles = tasks.find(task), set(roles)
    if declared is None:
        return None
    shape = declared.shape()
    if set(shape.roles) <= roles:
        return shape
    return next((other for other in declared.alternatives if set(other.reads) <= roles), shape)


def guess(columns: Columns, chosen: Roles) -> Iterable[tuple[str, Roles]]:
    """Every task that the columns may suit, the likeliest first."""
    free = [column for column in columns if column["kind"] != "empty"]
    media = next((column for column in free if column["kind"] in MEDIA), None)
    if media:
        yield from guess_media_tasks(
            media, [column for column in free if column is not media and column["name"] not in FACTS]
        )
        return
    filled = {column["name"]: column for column in free if not is_nearly_empty(column)}
    sure = list(guess_by_names([*filled.values()]))
    yield from sure
    unsure = [guessed for guessed in guess_by_names(free) if guessed not in sure]
    others = list(guess_plain_tasks(free, [*filled.values()] or free, chosen))
    if unsure:
        yield from (guessed for guessed in others if set(guessed[1].values()) <= set(filled))
        yield from unsure
    yield from others


def guess_by_names(free: Columns) -> Iterable[tuple[str, Roles]]:
    """Tasks that columns tell of by their names or what their cells hold."""
    yield from guess_preferences(free)
    yield from guess_structured_tasks(free)
    yield from guess_text_pair_tasks(free)


def guess_plain_tasks(free: Columns, filled: Columns, chosen: Roles) -> Iterable[tuple[str, Roles]]:
    """Classes, numbers or lists of labels for a text or a table; `filled`: the columns that are more than nearly empty."""
    pair = kinds.guess_text_and_label(free, {role: name for role, name in chosen.items() if role in ("text", "label")})
    pair |= {role: chosen[role] for role in ("text", "label") if role in chosen}
    chosen_target = next((column for column in free if column["name"] == chosen.get("target")), None)
    if target := mixed_target(free, pair, chosen_target):
        yield from guess_table_tasks(free, None, target)
    if "label" in pair and are_compared(filled):
        yield from guess_table_tasks(free, None, next(column for column in free if column["name"] == pair["label"]))
    if {"text", "label"} <= set(pair):
        yield "text-classification", pair
    texts = [column for column in free if column["kind"] == "text"]
    text = pair.get("text") or (texts[0]["name"] if texts else None)
    rest = [column for column in free if column["name"] != text]
    lists = [column for column in rest if column["kind"] == "list"]
    if text and lists:
        yield "multilabel-classification", {"text": text, "labels": lists[0]["name"]}
    numbers = [column for column in varied(rest) if column["kind"] == "number"]
    if pair.get("text") and numbers:
        yield "text-regression", {"text": pair["text"], "target": best_target(numbers)["name"]}
    if text and [column["name"] for column in filled if column["kind"] != "id"] == [text]:
        yield "text-generation", {"text": text}
    yield from guess_table_tasks(free, text if len(texts) == len(free) else None, chosen_target)


def varied(columns: Columns) -> Columns:
    """Those with two values or more that say more than which row it is: the others are nothing to learn."""
    usable = [column for column in columns if column["distinct"] > 1 and not kinds.names_rows(column)]
    return [column for column in usable if not kinds.names_each(column) or column["name"].strip().lower() in TARGETS]


def is_nearly_empty(column: ColumnProfile) -> bool:
    """Whether so few rows have a value that a task of the other columns is meant, if they suit one."""
    rows, share = column.get("there", 0), kinds.present_share(column)
    return share < LEAST_FILLED or (rows < FEWEST_FILLED and share < 0.5)


def guess_media_tasks(media: ColumnProfile, others: Columns) -> Iterable[tuple[str, Roles]]:
    """Tasks of pictures or sounds with what else the file has, the likeliest first."""
    media_role = {media["kind"]: media["name"]}
    objects = next((column for column in others if column["kind"] == "objects"), None)
    if objects and not is_nearly_empty(objects):
        yield "object-detection", media_role | {"objects": objects["name"]}
    short = [column for column in others if column["kind"] == "category" and is_named(column, "image_text")]
    labels = sorted(others, key=lambda column: (column in short, -kinds.label_score(column)))
    label = next((column for column in labels if kinds.label_score(column) > 0), None)
    texts = [column for column in others if column["kind"] == "text" and column is not label]
    if media["kind"] == "audio":
        named = [column for column in others if is_named(column, "audio_text")] or texts
        named.sort(key=is_nearly_empty)
        is_text = bool(named) and (label is None or is_named(named[0], "audio_text"))
        if is_text and not is_nearly_empty(named[0]):
            yield "speech-recognition", media_role | {"text": named[0]["name"]}
        if label:
            yield "audio-classification", media_role | {"label": label["name"]}
        if is_text and is_nearly_empty(named[0]):
            yield "speech-recognition", media_role | {"text": named[0]["name"]}
        return
    texts = sorted(
        [*texts, *(column for column in short if column is not label)],
        key=lambda column: not is_named(column, "image_text"),
    )
    if label and texts:
        yield "image-text-classification", media_role | {"text": texts[0]["name"], "label": label["name"]}
    numbers = [column for column in varied(others) if not kinds.are_classes(column)]
    if label:
        yield "image-classification", media_role | {"label": label["name"]}
    if numbers:
        yield "image-regression", media_role | {"target": best_target(numbers)["name"]}
    if objects and is_nearly_empty(objects):
        yield "object-detection", media_role | {"objects": objects["name"]}


def guess_preferences(free: Columns) -> Iterable[tuple[str, Roles]]:
    """Pairs of answers, one of which is preferred, as texts or as conversations that share what was asked."""
    worded = [column for column in free if column["kind"] in ("text", "category", "messages", "json", "list")]
    chosen, rejected = first_named(worded, "chosen"), first_named(worded, "rejected")
    if chosen and rejected and chosen != rejected:
        asked = first_named([column for column in worded if column["name"] not in (chosen, rejected)], "asked")
        tools = named_tools(free)
        yield "text-generation", {"prompt": asked or chosen, "completion": chosen, "rejected": rejected} | tools


def named_tools(free: Columns) -> Roles:
    """The column of what a model could call, where there is one."""
    tools = first_named([column for column in free if column["kind"] in ("json", "list")], "tools")
    return {"tools": tools} if tools else {}


def guess_structured_tasks(free: Columns) -> Iterable[tuple[str, Roles]]:
    """Cells that hold lists or conversations."""
    lists = [column for column in free if column["kind"] == "list"]
    tokens, tags = first_named(lists, "tokens"), first_named(lists, "tags")
    if tokens and tags and tokens != tags:
        yield "token-classification", {"tokens": tokens, "tags": tags}
    messages = next((column["name"] for column in free if column["kind"] == "messages"), None)
    if messages:
        rejected = first_named(free, "rejected")
        yield (
            "text-generation",
            {"messages": messages} | named_tools(free) | ({"rejected": rejected} if rejected else {}),
        )


def guess_text_pair_tasks(free: Columns) -> Iterable[tuple[str, Roles]]:
    """Two or three columns of text that belong together, by their names."""
    texts = [column for column in free if column["kind"] in ("text", "category", "list", "json")]
    worded = [column for column in texts if column["kind"] == "text"]
    question, context, answers = (first_named(texts, role) for role in ("question", "context", "answers"))
    if question and context and answers and len({question, context, answers}) == 3:
        yield "question-answering", {"question": question, "context": context, "answers": answers}
    prompt = first_named([column for column in free if column["kind"] in ("text", "category")], "prompt")
    completion = first_named(worded, "completion")
    if prompt and completion and prompt != completion:
        plain = [column for column in free if column["kind"] not in ("json", "list", "messages")]
        extra = first_named([column for column in plain if column["name"] != prompt], "extra")
        yield "text-generation", {"prompt": prompt, "completion": completion} | ({"input": extra} if extra else {})
    document, summary = first_named(worded, "document"), first_named(worded, "summary")
    if summary is None and not any(
        column["kind"] == "category" for column in free
    ):  # news with a section are sorted by it
        summary = first_named(worded, "headline")
    if document and summary and document != summary:
        yield "summarization", {"document": document, "summary": summary}
    source, target = first_named(worded, "source"), first_named(worded, "target")
    codes = [column["name"] for column in worded if column["name"].strip().lower() in LANGUAGES]
    if source and target and source != target:
        yield "translation", {"source": source, "target": target}
    elif len(codes) == 2:
        yield "translation", {"source": codes[0], "target": codes[1]}
    yield from guess_similarity(free)


def guess_similarity(free: Columns) -> Iterable[tuple[str, Roles]]:
    """Two texts with a score, or a query with a text that answers it and perhaps one that does not."""
    worded = [column for column in free if column["kind"] in ("text", "category")]
    first, second = first_named(worded, "first"), first_named(worded, "second")
    texts = {column["name"] for column in worded if column["kind"] == "text" or is_wordy(column)}
    scores = [column for column in free if column["kind"] in ("number", "boolean") or is_binary(column)]
    score = first_named(scores, "score")
    if not first or not second or first == second or not {first, second} & texts:
        return
    if score and not (first.lower() == "premise" and any(column["distinct"] in (3, 4) for column in scores if column["name"] == score)):  # fmt: skip
        yield "sentence-similarity", {"first": first, "second": second, "score": score}
    third = first_named(worded, "third")
    if third and third not in (first, second):
        yield "sentence-similarity", {"first": first, "second": second, "third": third}
    elif not score and second.strip().lower() in ANSWERING:
        yield "sentence-similarity", {"first": first, "second": second}


def is_wordy(column: ColumnProfile) -> bool:
    """Few different texts of several words, as sentences that come again in many pairs."""
    return column.get("length", {}).get("mean", 0) >= WORDY


def is_binary(column: ColumnProfile) -> bool:
    """A column of two numbers that was read as one of categories."""
    return (
        column["kind"] == "category" and column["distinct"] <= 2 and {*column["examples"]} <= {"0", "1", "0.0", "1.0"}
    )


def mixed_target(free: Columns, pair: Roles, chosen_target: ColumnProfile | None = None) -> ColumnProfile | None:
    """The answer of a table whose columns of texts (`pair`: the likeliest) stand beside enough others that may say
    something too; None where the text is all there is to read."""
    usable = [column for column in varied(free) if column["kind"] in ("number", "category", "boolean")]
    if not pair.get("text") or not usable:
        return None
    target = chosen_target or best_target(usable, len(free))
    return target if len(beside_text(free, target["name"])) >= FEWEST_BESIDE else None


def beside_text(columns: Columns, answer: str) -> Columns:
    """The columns that may say something beside a text: neither the answer nor constant, nor what only names or parts the rows."""
    plain = ("number", "category", "boolean", "date")
    parts = kinds.SPLIT_NAMES
    return [
        column
        for column in columns
        if column["kind"] in plain
        and column["name"] != answer
        and column["distinct"] > 1
        and not kinds.names_rows(column)
        and column["name"].strip().lower() not in parts
        and kinds.present_share(column) >= LEAST_PRESENT
    ]


def guess_table_tasks(
    free: Columns, only_text: str | None, answer: ColumnProfile | None = None
) -> Iterable[tuple[str, Roles]]:
    """Classes or numbers of the column that looks most like an answer, or of `answer`; nothing for texts alone."""
    usable = [column for column in varied(free) if column["kind"] in ("number", "category", "boolean")]
    if len(free) < 2 or not (usable or answer) or only_text:
        return
    target = answer or best_target(usable, len(free))
    order = ["tabular-classification", "tabular-regression"]
    for slug in order if kinds.are_classes(target) else order[::-1]:
        if slug == "tabular-classification" and target["distinct"] > kinds.MAX_LABELS:
            continue
        if slug == "tabular-regression" and target["kind"] != "number":
            continue
        yield slug, {"target": target["name"]}


COUNTED = " (%(classes)s classes)"
UNCOUNTED = (
    gettext_noop("Predict %(label)s from the images."),
    gettext_noop("Predict %(label)s from the images and %(text)s."),
    gettext_noop("Predict %(label)s from the recordings."),
    gettext_noop("Predict %(label)s from %(text)s."),
    gettext_noop("Predict %(target)s from the other columns."),
)
"""Sentences of tasks without COUNTED, for rows of which none has a label yet."""


def sentence(shape: Shape, roles: Roles, classes: int) -> Message:
    """What the task does with these columns, in words."""
    if not classes and (uncounted := shape.sentence.replace(COUNTED, "")) in UNCOUNTED:
        return _(uncounted, **roles)
    return _(shape.sentence, **{"classes": f"{classes:,}", **roles})
