"""Which role the name of a column tells of, and which column looks most like an answer. Light."""

from trainer import columns as kinds
from trainer.columns import ColumnProfile

NAMES = {
    "document": "document article dialogue dialog text content body transcript story passage 正文 文章 原文",
    "summary": "summary summaries highlights abstract tldr 摘要 总结",
    "headline": "headline headlines",
    "source": "source src original from 原文 源文",
    "target": "target tgt translation to 译文 翻译",
    "prompt": "instruction prompt question query input input_text text_input user 指令 提示",
    "completion": "output completion response answer reply output_text assistant 回答 输出 回复",
    "extra": "input context",
    "tools": "tools functions input.tools request.tools body.tools toolconfig.tools",
    "asked": "prompt instruction question query input input.messages messages conversations conversation 指令 提示",
    "chosen": "chosen preferred preferred_output chosen_response response_chosen",
    "rejected": "rejected non_preferred_output rejected_output rejected_response response_rejected dispreferred",
    "question": "question query 问题 问句",
    "context": "context passage paragraph document text article 上下文 原文 文章",
    "answers": "answers answer answer_text answers.text 答案",
    "tokens": "tokens words",
    "tags": "tags ner_tags pos_tags labels ner",
    "first": "sentence1 text1 text_a sentence_a question1 premise first query anchor 句子1 文本1",
    "second": "sentence2 text2 text_b sentence_b question2 hypothesis second document positive passage 句子2 文本2",
    "third": "negative sentence3 text3 hard_negative third",
    "score": "score similarity relevance label is_duplicate rating 相似度 分数",
    "image_text": "text caption captions title description comment message post 文本 标题 描述 说明",
    "audio_text": "transcription transcript text sentence normalized_text 文本",
}
TARGETS = frozenset(
    [
        "target",
        "label",
        "class",
        "y",
        "outcome",
        "result",
        "survived",
        "churn",
        "churned",
        "default",
        "fraud",
        "is_fraud",
        "diagnosis",
        "species",
        "quality",
        "converted",
        "purchased",
        "attrition",
        "income",
        "price",
        "cost",
        "sales",
        "revenue",
        "profit",
        "rent",
        "salary",
        "amount",
        "value",
        "score",
        "rating",
        "charges",
        "medv",
        "count",
        "demand",
        "目标",
        "标签",
        "结果",
    ]
)
TARGETS_ALONE = frozenset({"status", "response", "状态"})
"""Names of answers only as they stand: a marital status is none."""
TARGET_ENDINGS = ("_value", "_price", "_target", "_label", "_class", "price", "target")


def best_target(columns: list[ColumnProfile], width: int = 0) -> ColumnProfile:
    """The column that looks most like an answer: by name, then the last one, then one of two values."""

    def score(place: int, column: ColumnProfile) -> float:
        name = column["name"].strip().lower()
        words = kinds.split_name(name)
        points = 10.0 if name in TARGETS else 6.0 if words & TARGETS or name.endswith(TARGET_ENDINGS) else 0.0
        points = max(points, 8.0 if name in TARGETS_ALONE else 0.0)
        points += 3.0 if place == len(columns) - 1 else 0.0
        points += 1.0 if column["distinct"] == 2 else 0.0
        return points - 20.0 * (column["distinct"] < 2)

    return max(enumerate(columns), key=lambda placed: (score(*placed), placed[0]))[1]


def first_named(columns: list[ColumnProfile], role: str) -> str | None:
    """The column whose name fits best: the earlier a word is in the role's list, the better."""
    names = NAMES[role].split()
    ranked = [
        (names.index(name), column["name"]) for column in columns if (name := column["name"].strip().lower()) in names
    ]
    return min(ranked)[1] if ranked else None


def are_compared(free: list[ColumnProfile]) -> bool:
    """Whether two columns of texts are named as those that are compared, such as a premise and a hypothesis: neither says the
    class by itself."""
    texts = [column for column in free if column["kind"] == "text"]
    first, second = first_named(texts, "first"), first_named(texts, "second")
    return first is not None and second is not None and first != second


def is_named(column: ColumnProfile, role: str) -> bool:
    return column["name"].strip().lower() in NAMES[role].split()
