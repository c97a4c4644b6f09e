"""A small online form's export whose answers can be learned: whole questions as headers, tick-boxes with commas inside."""

import csv
import io
import random

HEADER = ("Timestamp", "Which of our products do you use? (tick all)", "How can we help you?", "Topic")
TICKED = ("API, Mobile app", "Web app", "API, Web app, Mobile app", "Mobile app")
THINGS = {
    "Delivery": ("my parcel", "the package", "our shipment", "the box", "my order"),
    "Payment": ("my card", "the invoice", "our last payment", "the bill", "my refund"),
    "Login": ("my password", "the sign-in page", "our account", "the login link", "my code"),
}
WORRIES = {
    "Delivery": ("has not arrived yet", "was left at the wrong door", "is late again", "came with a dent"),
    "Payment": ("was charged twice", "shows the wrong amount", "was declined", "has not been paid back"),
    "Login": ("does not work any more", "was never sent to me", "keeps asking who I am", "is locked"),
}
NAMES = ("Ann", "Bo", "Cy", "Dee", "Eli", "Flo")


def form_export(count: int = 120, seed: int = 0) -> str:
    chance = random.Random(seed)
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(HEADER)
    for number in range(count):
        topic = list(THINGS)[number % 3]
        text = f"Hello, {chance.choice(THINGS[topic])} {chance.choice(WORRIES[topic])}. Thanks, {chance.choice(NAMES)} {number}"
        moment = f"2026/03/{number % 28 + 1:02} 9:{number % 60:02}:11 AM GMT+1"
        writer.writerow([moment, TICKED[number % 4], text, topic])
    return out.getvalue()
