"""Questions with contexts, as windows of tokens: what is learned from, read and packaged."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from trainer.data.loading import Loaded
from trainer.data.passage_rows import answers_in
from trainer.data.personal import find_spans
from trainer.data.privacy import guess_hints
from trainer.families.text import encoder, question_probe
from trainer.families.text.languages import find_unread
from trainer.families.text.question_model import Graph, QuestionModel
from trainer.families.text.vocabulary import tell_unknown
from trainer.learning.baselines import Baseline
from trainer.learning.family import Way
from trainer.learning.job import Job
from trainer.learning.objective import Fit
from trainer.learning.rows import Digest, Mix, Rows
from trainer.learning.supervised import SupervisedFamily
from trainer.messages import _, ngettext
from trainer.packaging.graphs import write_transformer
from trainer.params import FineTuningParams
from trainer.passages.baseline import best_sentences
from trainer.passages.cells import Answer
from trainer.passages.decoding import empty
from trainer.passages.windows import MOST_WINDOWS, Pair, Tokens, Window, Windows
from trainer.tasks.question_answering import LONGEST_KEPT, QuestionParams, inputs_of

EXAMPLES, EXAMPLE_CHARACTERS = 4, 1_200
NONE_SHARE = 0.2
"""Of the rows with contexts of several windows, how many show one without the answer at a step."""
LEARNED_ROWS, EPOCHS = 8_500, (3, 10)
"""Rows that are learned from in all, within so many epochs."""


class Questions(Rows):
    """`answers[i]`: those that are accepted, none where the context has none."""

    input_name = "question"
    work_unit = "tokens"
    read_batch = 32

    def __init__(
        self, loaded: Loaded, tokenizer: PreTrainedTokenizerFast, folder: Path, params: QuestionParams
    ) -> None:
        max_length = encoder.longest(folder, params.max_length)
        self.tokenizer, self.folder, self.max_length = tokenizer, folder, max_length
        self.learned_tokens = params.learned_tokens
        self.shared: dict[int, np.ndarray] = {}
        self.windows = Windows(tokenizer.backend_tokenizer, max_length, tokenizer.pad_token_id or 0)
        self.pairs = [Pair(*each) for each in zip(loaded.values["question"], loaded.values["context"], strict=True)]
        self.accepted = [answers_in(cell) for cell in loaded.answers]
        self.questions = self.windows.questions([pair.question for pair in self.pairs])
        texts = list(dict.fromkeys(pair.context for pair in self.pairs))
        by_text = dict(zip(texts, self.windows.contexts(texts), strict=True))
        self.contexts = [by_text[pair.context] for pair in self.pairs]
        self.counts = np.array([self.count_windows(row) for row in range(len(self.pairs))], dtype=np.int64)
        """Of each row, those that are read."""
        self.chosen: dict[int, list[Window]] = {}
        super().__init__(loaded, [], None, self.work())

    def count_windows(self, row: int) -> int:
        return len(self.windows.starts(len(self.questions[row]), len(self.contexts[row].ids))[1])

    def work(self) -> np.ndarray:
        tokens = np.array([len(context.ids) for context in self.contexts])
        read = np.minimum(tokens, np.minimum(self.counts, MOST_WINDOWS) * self.max_length)
        work: np.ndarray = read + np.array([len(question) for question in self.questions])
        return work

    @property
    def has_unanswerable(self) -> bool:
        """Among the rows that are learned from."""
        return any(not self.accepted[row] for part in ("train", "validation") for row in self.part(part))

    @property
    def scores_none(self) -> bool:
        """Whether windows without an answer are learned from."""
        return self.has_unanswerable or bool((self.counts > 1).any())

    # As tensors

    def batch(self, rows: np.ndarray, device: torch.device) -> tuple[Tensor, ...]:
        """(ids, mask, types, starts, features, ends) of all windows of these rows, which row each is of, and how many rows there
        are."""
        windows = [self.read(row) for row in rows.tolist()]
        owners = [place for place, own in enumerate(windows) for _window in own]
        made = self.windows.batch([window for own in windows for window in own], owners)
        arrays = made.ids, made.mask, made.types, made.starts, made.features, made.ends, made.owners
        return (*(torch.from_numpy(array).to(device) for array in arrays), torch.tensor(len(rows)))

    def read(self, row: int) -> list[Window]:
        if self.counts[row] == 1:
            return self.windows.read(self.pairs[row], self.questions[row], self.contexts[row])
        if row not in self.chosen:
            self.chosen[row] = self.windows.read(self.pairs[row], self.questions[row], self.contexts[row])
        return self.chosen[row]

    def features(self, row: int) -> np.ndarray:
        """(tokens, FEATURES) of the row's context; those of contexts that are not long are kept."""
        if row in self.shared:
            return self.shared[row]
        features = self.windows.features(self.pairs[row], self.contexts[row])
        if self.counts[row] == 1:
            self.shared[row] = features
        return features

    def learning_batch(
        self, rows: np.ndarray, device: torch.device, generator: np.random.Generator
    ) -> tuple[tuple[Tensor, ...], Mix | None]:
        """(ids, mask, types, starts, features) of one window a row, and the first and the last token of its answer, both 0 where there is
        none in it."""
        shown = [self.shown_part(row, generator) for row in rows.tolist()]
        made = self.windows.batch([window for window, _target in shown], range(len(rows)))
        targets = torch.tensor([target for _window, target in shown])
        arrays = made.ids, made.mask, made.types, made.starts, made.features
        return (*(torch.from_numpy(array).to(device) for array in arrays), targets.to(device)), None

    def shown_part(self, row: int, generator: np.random.Generator) -> tuple[Window, tuple[int, int]]:
        """A window to learn from: one with an answer, now and then one without."""
        question, tokens, features = self.questions[row], self.contexts[row], self.features(row)
        whole, starts = self.windows.starts(len(question), len(tokens.ids))
        size = min(whole, self.learned_tokens)
        answers = [tokens_of(answer, tokens) for answer in self.accepted[row]]
        first_token, last_token = answers[int(generator.integers(len(answers)))] if answers else (-1, -1)
        free = [start for start in starts if not any(first < start + size and last >= start for first, last in answers)]
        if first_token < 0 or (len(starts) > 1 and free and generator.random() < NONE_SHARE):
            first = int(generator.choice(free or starts))
            return self.windows.window(question, tokens, features, first, size), (0, 0)
        low, high = max(0, last_token - size + 1), min(first_token, max(len(tokens.ids) - size, 0))
        first = int(generator.integers(low, high + 1)) if low <= high else first_token
        window = self.windows.window(question, tokens, features, first, size)
        shift = window.place - window.first
        return window, (first_token + shift, min(last_token + shift, window.place + window.size - 1))

    # As people and serving see them

    def input(self, row: int) -> Pair:
        return self.pairs[row]

    def shown(self, rows: np.ndarray) -> list[str]:
        return [self.pairs[row].question for row in rows]

    def asked(self, rows: np.ndarray) -> dict[str, list[str]]:
        """A very long context is not kept for each of its questions."""
        contexts = [self.pairs[row].context for row in rows]
        shown_contexts = [context if len(context) <= LONGEST_KEPT else "" for context in contexts]
        return {"question": self.shown(rows), "context": shown_contexts}

    def fingerprint(self, digest: Digest, rows: np.ndarray) -> None:
        super().fingerprint(digest, rows)
        for row in rows:
            digest.update(self.pairs[row].context.encode("utf-8", "surrogatepass") + b"\0")

    def manifest(self) -> dict[str, Any]:
        """`examples_checked`: no example holds personal data, as far as the rules of `trainer.data.privacy` find it."""
        return {"max_length": self.max_length, "examples_checked": True, "inputs": inputs_of()}

    def card_facts(self) -> list[str]:
        return [
            f"Contexts longer than {self.max_length} tokens are read in parts that overlap, of very long ones the "
            f"{MOST_WINDOWS} that share most words with the question."
        ]

    def examples(self, folder: Path) -> list[dict[str, Any]]:
        """A few test questions on short contexts, none with personal data."""
        hints = guess_hints("text", pa.chunked_array([pa.array([pair.context for pair in self.pairs], pa.string())]))
        examples: list[dict[str, Any]] = []
        seen: set[str] = set()
        for row in sorted(self.part("test"), key=lambda row: abs(len(self.pairs[row].context) - 400)):
            pair = self.pairs[row]
            is_short = max(map(len, pair)) <= EXAMPLE_CHARACTERS
            if is_short and pair.context not in seen and not any(find_spans(text, hints) for text in pair):
                answer = self.accepted[row][0].text if self.accepted[row] else ""
                examples.append({"input": pair._asdict(), "label": answer or pair.question})
                seen.add(pair.context)
            if len(examples) >= EXAMPLES:
                break
        return examples


def tokens_of(answer: Answer, tokens: Tokens) -> tuple[int, int]:
    """The first and the last of the context's tokens that an answer is in; (-1, -1) where none is."""
    first = int(np.searchsorted(tokens.ends, answer.start, side="right"))
    last = int(np.searchsorted(tokens.starts, answer.end, side="left")) - 1
    return (first, last) if first <= last < len(tokens.ids) else (-1, -1)


class QuestionFamily(SupervisedFamily[Questions, QuestionModel]):
    def prepare(self, job: Job) -> Questions:
        loaded = job.load_rows()
        folder = job.model_folder(job.spec.model)
        tokenizer = encoder.load_tokenizer(folder)
        rows = Questions(loaded, tokenizer, folder, job.params)
        job.params = with_epochs(job.params, len(rows.part("train")))
        job.tell_rows(rows, f"{np.mean([len(context.ids) for context in rows.contexts]):.0f} tokens a context")
        if unread := find_unread(job.task, job.spec.model, [pair.context for pair in rows.pairs]):
            job.warn("unread_language", unread.message, unread.hint)
        else:
            tell_unknown(job, rows.tokenizer, [pair.context for pair in rows.pairs])
        long = int((rows.counts > MOST_WINDOWS).sum())
        if long:
            job.warn(
                "parts_of_contexts",
                ngettext(
                    "%(count)s question has a context of more than %(windows)s parts: the parts that share most words with it are read.",
                    "%(count)s questions have contexts of more than %(windows)s parts: the parts that share most words with each question are read.",
                    long,
                    windows=MOST_WINDOWS,
                ),
                _("Divide very long contexts into chapters, or raise params.max_length."),
            )
        return rows

    def baselines(self, job: Job, rows: Questions) -> dict[str, Baseline]:
        test = rows.part("test")
        simple = {"best_sentence": Baseline(best_sentences([rows.pairs[row] for row in test]))}
        return simple | ({"no_answer": Baseline(empty(len(test)))} if rows.has_unanswerable else {})

    def fit(self, slug: str) -> Fit:
        return question_probe.fit if slug == "probe" else super().fit(slug)

    def simplest(self, rows: Questions) -> Way:
        return Way(self, rows, question_probe.by_words)

    def nothing_learned(self) -> str:
        return _(
            "No step is shown to be better than the passage with most words of the question: nothing in these rows says what the answer is, or they are too few to tell."
        )

    def build(self, job: Job, rows: Questions) -> QuestionModel:
        return QuestionModel(encoder.load_encoder(rows.folder), scores_none=rows.scores_none)

    def save(self, model: QuestionModel, rows: Questions, folder: Path) -> None:
        model.save(folder, rows.tokenizer, rows.max_length)

    def write_onnx(self, folder: Path, target: Path) -> None:
        model = QuestionModel.load(folder, attention="eager")
        ids = torch.arange(18).view(2, 9)  # small, as a vocabulary may be
        axes = {0: "batch", 1: "length"}
        named = {"input_ids": axes, "attention_mask": axes}
        arguments = [ids, torch.ones_like(ids)]
        if model.reads_types:
            named["token_type_ids"] = axes
            arguments.append((ids > 4).long())
        write_transformer(Graph(model).eval(), model.encoder.config, tuple(arguments), named, target)


def with_epochs(params: FineTuningParams, rows: int) -> FineTuningParams:
    """As many epochs as suit so many rows, where nobody has chosen: contexts are long, and each answer teaches two places."""
    if params.epochs is not None:
        return params
    return params.model_copy(update={"epochs": int(np.clip(round(LEARNED_ROWS / max(rows, 1)), *EPOCHS))})
