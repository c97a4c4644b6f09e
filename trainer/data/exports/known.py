"""Tables that helpdesks, shops, surveys and app stores export, recognised by their columns: which is the text, the label, the time and
the id. Names are compared without case, blanks and marks."""

import re
from typing import NamedTuple

from trainer.data.exports.sentence_pairs import recognise_pairs
from trainer.data.readings import Reading
from trainer.data.tables.table import Table
from trainer.messages import Message, _, joined


class Known(NamedTuple):
    """`columns`: those that must be there; the others by the names that they may have, the likeliest first."""

    title: str
    columns: str
    text: str = ""
    label: str = ""
    time: str = ""
    id: str = ""
    apart: str = ""
    """Columns that only say who, when or where: no answer by themselves."""


KNOWN = (
    Known("Zendesk", "subject description status via", "description", "type", "created_at", "id"),
    Known("Zendesk", "subject description status via_channel", "description", "type", "created_at", "id"),
    Known("Zendesk", "ticket_id subject ticket_type status requester", "description subject", "ticket_type", "created_at", "ticket_id"),
    Known("Zendesk", "summation_column id subject via ticket_type", "subject", "ticket_type", "created_at", "id"),
    Known("Freshdesk", "ticket_id subject status priority source agent", "description subject", "type", "created_time", "ticket_id"),
    Known("Intercom", "conversation_id created_at body", "body", "tags topic", "created_at", "conversation_id"),
    Known("Intercom", "conversation_id conversation_started_at", "first_user_message message body", "conversation_tags topic", "conversation_started_at", "conversation_id"),
    Known("HubSpot", "ticket_name ticket_description", "ticket_description", "category ticket_status pipeline", "create_date", "ticket_id record_id"),
    Known("Salesforce", "casenumber subject description", "description", "type reason status", "createddate", "casenumber id"),
    Known("Salesforce", "case_number subject description", "description", "type case_reason status", "date_time_opened created_date", "case_number"),
    Known("Google Play", "package_name star_rating review_text", "review_text", "star_rating", "review_submit_date_and_time", "review_link"),
    Known("Google Play", "reviewid content score thumbsupcount", "content", "score", "at", "reviewid"),
    Known("App Store", "review title rating isedited", "review", "rating", "date", "id"),
    Known("App Store", "review_id app_name review_content rating", "review_content", "rating", "date", "review_id"),
    Known("App Store", "author_name title content_label im_rating_label", "content_label", "im_rating_label", "updated_label", "id_label"),
    Known("Trustpilot", "review_content review_stars", "review_content", "review_stars", "review_created_utc review_created", "review_id"),
    Known("Trustpilot", "title text stars consumer_displayname", "text", "stars", "createdat", "id"),
    Known("SurveyMonkey", "respondent_id collector_id start_date end_date", "", "", "end_date", "respondent_id"),
    Known("Typeform", "start_date_utc submit_date_utc network_id", "", "", "submit_date_utc", "#"),
    Known("Qualtrics", "startdate enddate recordeddate responseid", "", "", "recordeddate", "responseid"),
    Known("Shopify", "name financial_status fulfillment_status lineitem_name", "", "financial_status", "created_at", "id name"),
    Known("Stripe", "id amount currency status captured", "description", "status", "created_date_utc created", "id"),
    Known("Stripe", "id created_date_utc amount currency status", "description", "status", "created_date_utc", "id"),
    Known("Stripe", "id type amount fee net currency", "description", "type", "created_utc", "id"),
    Known("Zendesk", "ticket_id author_id body public", "plain_body body", "public", "created_at", "id"),
    Known("Intercom", "id created_at source_body state", "source_body", "tags_tags topics_topics topics state", "created_at", "id"),
    Known("Freshdesk", "id subject description_text status", "description_text", "type", "created_at", "id"),
    Known("App Store", "attributes_body attributes_rating attributes_territory", "attributes_body", "attributes_rating", "attributes_createddate", "id"),
    Known("Zendesk", "requester subject ticket_type status via id", "description subject", "ticket_type", "created_at", "id"),
    Known("Zendesk", "ticket_id ticket_subject ticket_status", "ticket_description ticket_subject", "ticket_type ticket_priority ticket_status", "ticket_created_timestamp ticket_created_date", "ticket_id"),
    Known("HubSpot", "record_id lifecycle_stage", "", "lifecycle_stage lead_status", "create_date", "record_id"),
    Known("HubSpot", "deal_name deal_stage close_date", "", "deal_stage", "close_date create_date", "record_id deal_id"),
    Known("HubSpot", "record_id create_date email", "", "lead_status", "create_date", "record_id"),
    Known("Salesforce", "opportunity_name stage close_date", "", "stage", "close_date", "opportunity_id"),
    Known("Salesforce", "opportunity_name account_name amount", "", "stage", "close_date", "opportunity_id"),
    Known("Salesforce", "stagename closedate isclosed", "", "stagename", "closedate createddate", "id"),
    Known("Salesforce", "lead_status lead_source company_account", "", "lead_status", "created_date", "lead_id"),
    Known("Salesforce", "lead_id lead_status", "", "lead_status", "created_date", "lead_id"),
    Known("Shopify", "handle title body_html vendor type", "body_html", "type product_category", "", "handle"),
    Known("Shopify", "handle title body_html vendor", "body_html", "type product_category tags", "", "handle"),
    Known("Shopify", "email total_spent total_orders", "", "", "", "customer_id"),
    Known("Stripe", "id email created_utc delinquent", "", "delinquent", "created_utc", "id"),
    Known("Stripe", "id customer_id plan status created_utc", "", "status", "created_utc", "id"),
    Known("App Store", "review_id rating review title country", "review", "rating", "date", "review_id"),
    Known("Amazon reviews", "productid score summary text", "text", "score", "time", "id"),
    Known("Amazon reviews", "asin overall reviewtext", "reviewtext", "overall", "unixreviewtime reviewtime", ""),
    Known("Yelp reviews", "review_id business_id stars text", "text", "stars", "date", "review_id"),
    Known("Whisper", "seek start end text avg_logprob", "text", "", "start", "id"),
    Known("Discord", "authorid author date content attachments", "content", "", "date", "", "authorid author attachments reactions"),
    Known("Discord", "id timestamp contents attachments", "contents", "", "timestamp", "id", "attachments"),
    Known("Outlook", "subject body from_name from_address", "body", "categories", "", "", "from_name from_address from_type to_name to_address to_type cc_name cc_address cc_type bcc_name bcc_address bcc_type billing_information mileage"),
    Known("Slack", "type user text ts", "text", "channel", "ts", "client_msg_id"),
)  # fmt: skip


def fold_name(name: str) -> str:
    """“Review Created (UTC)” and review.created.utc are one: review_created_utc. A name of marks alone stays as it is."""
    return "_".join(re.findall(r"[^\W_]+", name.casefold())) or name.strip()


def recognise(table: Table) -> None:
    """Suggest the columns of a known export and tell which it is; a table that is none stays as it is."""
    if "export" in table.details or recognise_pairs(table):
        return
    names = {fold_name(name.partition(": ")[0]): name for name in reversed(table.columns)}  # a header of several rows
    names |= {fold_name(name): name for name in reversed(table.columns)}
    known = next((known for known in KNOWN if set(known.columns.split()) <= set(names)), None)
    if known is None and is_google_form(table.columns):
        known = Known("Google Forms", "", time=fold_name(table.columns[0]))
    if known is None:
        table.apart |= senders_of(names)
        return
    roles = {role: first_of(getattr(known, role), names) for role in ("text", "label", "time", "id")}
    if roles["text"] and roles["label"]:
        table.suggested = {"text": roles["text"], "label": roles["label"]}
    titles = {"text": _("text"), "label": _("label"), "time": _("time"), "id": _("ID")}
    table.apart = frozenset(names[name] for name in known.apart.split() if name in names)
    columns = [_("%(role)s “%(column)s”", role=titles[role], column=column) for role, column in roles.items() if column]
    sentence: Message = _("An export of %(title)s", title=known.title)
    sentence = joined([sentence, joined(columns, ", ")], ": ") if columns else sentence
    table.details["export"] = known.title.lower().replace(" ", "_")
    table.readings.append(Reading("export", known.title, sentence, file=table.name))


SENDERS = frozenset({"from", "to", "cc", "bcc", "sender", "recipient", "recipients", "reply_to"})


def senders_of(names: dict[str, str]) -> frozenset[str]:
    """The columns of a table of mails that say from whom to whom."""
    senders = SENDERS & set(names)
    return frozenset(names[name] for name in senders) if len(senders) > 1 and "subject" in names else frozenset()


TIMESTAMPS = frozenset({"timestamp", "zeitstempel", "horodateur", "marca temporal", "carimbo de data/hora", "informazioni cronologiche", "tijdstempel", "отметка времени", "时间戳记", "タイムスタンプ", "타임스탬프"})  # fmt: skip


def is_google_form(columns: list[str]) -> bool:
    """A time, and questions as they were put, most of several words."""
    questions = [name for name in columns[1:] if name.rstrip().endswith("?") or len(name.split()) >= 4]
    return (
        len(columns) > 1
        and columns[0].strip().lower() in TIMESTAMPS
        and len(questions) >= max(1, 0.4 * (len(columns) - 1))
    )


def first_of(name: str, names: dict[str, str]) -> str:
    return next((names[name] for name in name.split() if name in names), "")
