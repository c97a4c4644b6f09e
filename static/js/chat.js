// A conversation with a model: each answer grows as it is written, and can be stopped, asked for again, rated and corrected.
const page = document.querySelector("[data-chat]");
const part = (name, within = page) => within.querySelector(`[data-part=${name}]`);
const talk = part("talk");
const form = part("form");
const message = form.querySelector("textarea");
const said = [];
let asking = null;

const render = (name) => part(name).content.cloneNode(true).firstElementChild;

const setBusy = (isBusy) => {
  part("send").hidden = isBusy;
  part("stop").hidden = !isBusy;
  for (const button of talk.querySelectorAll("button")) button.disabled = isBusy;
};

const addAsked = (text) => {
  const item = render("asked");
  item.querySelector(".said").textContent = text;
  item.querySelector("[data-act=edit]").addEventListener("click", () => edit(item));
  talk.append(item);
};

// Back to before a question, which stands in the box again.
const edit = (item) => {
  const place = [...talk.children].indexOf(item);
  message.value = said[place].content;
  said.length = place;
  while (talk.children.length > place) talk.lastElementChild.remove();
  message.focus();
};

const facts = (item, words) => {
  const place = part("facts", item);
  place.textContent = words.filter(Boolean).join(" · ");
  place.hidden = !place.textContent;
};

const rate = async (item, verdict, better) => {
  const fields = new FormData();
  fields.set("token", item.dataset.token);
  fields.set("verdict", verdict);
  fields.set("link", page.dataset.link);
  if (better) fields.set("should_have_been", better);
  const answer = await fetch(page.dataset.rate, { method: "POST", body: fields, headers: { "HX-Request": "true" } }).catch(() => null);
  part("thanks", item).hidden = !answer?.ok;
  if (!answer?.ok) facts(item, [page.dataset.away]);
};

const connect = (item) => {
  const better = part("better", item);
  const act = (name, call) => item.querySelector(`[data-act=${name}]`).addEventListener("click", call);
  act("again", () => again(item));
  act("up", () => rate(item, "up"));
  act("down", () => rate(item, "down"));
  act("better", () => {
    better.hidden = !better.hidden;
    better.querySelector("textarea").focus();
  });
  better.addEventListener("submit", (event) => {
    event.preventDefault();
    better.hidden = true;
    rate(item, "down", better.querySelector("textarea").value);
  });
};

const again = (item) => {
  const place = [...talk.children].indexOf(item);
  said.length = place;
  while (talk.children.length > place) talk.lastElementChild.remove();
  answer(true);
};

async function* linesOf(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines) yield JSON.parse(line);
  }
}

const take = (item, line) => {
  const text = item.querySelector(".said");
  if (line.text) {
    text.textContent += line.text;
  } else if (line.finish) {
    item.dataset.token = line.token;
    // Made by the site from Markdown, without HTML of the model's.
    text.innerHTML = line.html;
    const tokens = "tokens" in line ? page.dataset.tokens.replace("{n}", line.tokens).replace("{p}", line.prompt_tokens) : "";
    facts(item, [line.finish === "length" ? page.dataset.cut : "", tokens]);
  } else {
    facts(item, [line.problem]);
  }
};

const answer = async (isAgain) => {
  const item = render("answered");
  talk.append(item);
  connect(item);
  asking = new AbortController();
  setBusy(true);
  const fields = new FormData();
  fields.set("messages", JSON.stringify(said));
  fields.set("link", page.dataset.link);
  if (isAgain) fields.set("again", "1");
  const text = item.querySelector(".said");
  let written = "";
  try {
    const reply = await fetch(page.dataset.chat, { method: "POST", body: fields, signal: asking.signal });
    if (!reply.ok) {
      const problem = await reply.json().catch(() => ({}));
      facts(item, [[problem.detail ?? page.dataset.away, problem.hint ?? ""].join(" ")]);
    } else {
      for await (const line of linesOf(reply.body)) {
        written += line.text ?? "";
        take(item, line);
        item.scrollIntoView({ block: "nearest" });
      }
    }
  } catch {
    written = text.textContent;
    facts(item, [asking.signal.aborted ? page.dataset.stopped : page.dataset.away]);
  }
  said.push({ role: "assistant", content: written });
  item.removeAttribute("aria-busy");
  item.querySelector(".after").hidden = false;
  for (const name of ["up", "down", "better"]) item.querySelector(`[data-act=${name}]`).hidden = !item.dataset.token;
  part("news").textContent = text.textContent;
  asking = null;
  setBusy(false);
  message.focus();
};

const ask = () => {
  const text = message.value.trim();
  if (!text || asking) return;
  said.push({ role: "user", content: text });
  addAsked(text);
  message.value = "";
  answer(false);
};

form.addEventListener("submit", (event) => {
  event.preventDefault();
  ask();
});
message.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  ask();
});
part("stop").addEventListener("click", () => asking?.abort());
for (const button of page.querySelectorAll("[data-example]")) {
  button.addEventListener("click", () => {
    message.value = button.dataset.example;
    ask();
  });
}
page.hidden = false;
