// One row after another, a label by one key. What comes next is here before it is asked about; each decision is sent at once, in order.
const page = document.querySelector("[data-labelling]");
const part = (name) => page.querySelector(`[data-part=${name}]`);
const cards = part("cards");
const AHEAD = 5;
const RETRY_MILLISECONDS = 2000;
const READING_MILLISECONDS = 4000;
const KEYS = "123456789abcdefghijklmnopqrstuvwxyz";
const past = [];
let sending = Promise.resolve();
let unsent = 0;
let fetching = false;
let isAll = false;

const current = () => cards.querySelector("[data-row]:not([hidden])");
const waiting = () => [...cards.querySelectorAll("[data-row][hidden]:not([data-past])")];
const formatCount = (value) => value.toLocaleString(document.documentElement.lang);

const tell = (text) => {
  part("news").textContent = text;
  part("news").hidden = !text;
};

const suggest = (label, score) => {
  if (part("sure")) part("sure").textContent = score ?? "";
  const button = part("suggested");
  if (!button) return;
  button.hidden = button.disabled = !label;
  button.value = label ?? "";
  part("suggestion").textContent = label ?? "";
};

// The label that the row has, where it is asked about again.
const keep = (label) => {
  const button = part("keep");
  if (!button) return;
  button.hidden = button.disabled = !label;
  button.value = label ?? "";
  part("label").textContent = label ?? "";
};

// How good it is already, once that was worked out anew; the rows that wait come again, in the new order and with new suggestions.
const refresh = async (fitted) => {
  if (fitted === page.dataset.fitted) return;
  if (!part("progress")) {
    page.dataset.fitted = fitted ?? "";
    fetchMore(true);
    return;
  }
  try {
    const answer = await fetch(page.dataset.progress);
    if (!answer.ok) return;
    part("progress").innerHTML = await answer.text();
  } catch {
    return; // The next label asks again.
  }
  const now = part("progress").querySelector("[data-fitted]").dataset.fitted;
  if (now === page.dataset.fitted) return;
  page.dataset.fitted = now;
  fetchMore(true);
};

const show = (card) => {
  for (const input of page.querySelectorAll("input[name=row][type=hidden]")) input.value = card ? card.dataset.row : "";
  for (const input of page.querySelectorAll("input[name=before]")) input.value = card?.dataset.label ?? "";
  if (card) card.hidden = false;
  if (document.getElementById("new")) document.getElementById("new").value = "";
  part("empty").hidden = Boolean(card);
  for (const button of page.querySelectorAll("[data-part=labels] button, [name=action]")) button.disabled = !card;
  suggest(card?.dataset.suggestion, card?.dataset.score);
  keep(card?.dataset.label);
  for (const button of page.querySelectorAll("[data-save]")) button.disabled = !card;
  const isSuggested = Boolean(card?.dataset.fields && !card.given);
  if (part("bymodel")) part("bymodel").hidden = !isSuggested;
  // For the script of the kind of answer; `given`: what was said of the row before it was taken back, or what a model suggests.
  const given = isSuggested ? JSON.parse(card.dataset.fields) : (card?.given ?? JSON.parse(card?.dataset.existing ?? "[]"));
  page.dispatchEvent(new CustomEvent("labelling:show", { detail: { card, given, isSuggested } }));
};

const fetchMore = async (anew = false) => {
  if (fetching || (!anew && (isAll || waiting().length >= AHEAD))) return;
  fetching = true;
  try {
    const address = new URL(page.dataset.more, location.href);
    const before = anew ? waiting() : [];
    for (const card of cards.querySelectorAll("[data-row]"))
      if (!before.includes(card)) address.searchParams.append("without", card.dataset.row);
    const answer = await fetch(address);
    if (!answer.ok) return;
    const made = document.createElement("template");
    made.innerHTML = await answer.text();
    const fresh = [...made.content.querySelectorAll("[data-row]")];
    isAll = fresh.length === 0;
    for (const card of waiting()) if (before.includes(card)) card.remove();
    const here = new Set([...cards.querySelectorAll("[data-row]")].map((card) => card.dataset.row));
    for (const card of fresh) {
      if (here.has(card.dataset.row)) continue;
      card.hidden = true;
      part("empty").before(card);
    }
    if (!current()) show(waiting()[0]);
  } catch {
    // The next step asks again.
  } finally {
    fetching = false;
  }
};

const send = async (address, fields) => {
  for (;;) {
    try {
      const answer = await fetch(address, { method: "POST", body: fields, headers: { Accept: "application/json" } });
      if (answer.status < 500 && answer.status !== 429) return [answer, await answer.json().catch(() => ({}))];
    } catch {
      // Nobody answers: again, until somebody does.
    }
    tell(page.dataset.waiting);
    await new Promise((resolve) => setTimeout(resolve, RETRY_MILLISECONDS));
  }
};

// In place of the row that is shown now, which waits.
const bringBack = (card) => {
  const now = current();
  if (now) now.hidden = true;
  delete card.dataset.past;
  cards.prepend(card);
  show(card);
};

// What the server says once it was saved; null where it was refused. `step`: the card, or the rows that got one label.
const post = (address, fields, step) => {
  unsent += 1;
  sending = sending.then(async () => {
    const [answer, said] = await send(address, fields);
    unsent -= 1;
    if (answer.ok) {
      for (const name of ["labelled", "pool"]) part(name).textContent = formatCount(said[name]);
      part("advice").textContent = said.advice;
      refresh(said.fitted);
      if (part("news").textContent === page.dataset.waiting) tell("");
      return said;
    }
    tell([said.detail ?? page.dataset.refused, said.hint ?? ""].join(" "));
    if (past.includes(step)) past.splice(past.indexOf(step), 1);
    if (answer.status === 422 && step?.given) bringBack(step);
    else if (!Array.isArray(step)) step?.remove();
    isAll = false;
    return null;
  });
  return sending;
};

const addKey = (label) => {
  const labels = part("labels");
  if ([...labels.querySelectorAll("button, input")].some((one) => one.value === label)) return;
  const made = part("key").content.firstElementChild.cloneNode(true);
  const control = made.querySelector("input") ?? made;
  const key = KEYS[labels.children.length] ?? "";
  control.value = label;
  control.dataset.key = key;
  made.querySelector("span").textContent = label;
  if (key) made.querySelector("kbd").textContent = key;
  else made.querySelector("kbd").remove();
  labels.append(made);
  const option = document.createElement("option");
  option.value = label;
  document.getElementById("known").append(option);
};

// A label that is typed, where more than it is the answer: the script of the kind of answer gives it.
const takeTyped = () => {
  const field = document.getElementById("new");
  const label = field?.value.trim();
  if (!label) return;
  field.value = "";
  addKey(label);
  page.dispatchEvent(new CustomEvent("labelling:new", { detail: { label } }));
};

const decide = (form, fields) => {
  const card = current();
  if (!card) return;
  tell("");
  card.querySelector("audio")?.pause();
  // The answer as its form has it, for look-alikes; null where none was given.
  card.answer = fields.has("action") ? null : fields.getAll(fields.has("new") && !fields.has("value") ? "new" : "value");
  if (page.querySelector("[data-save]")) card.given = fields.getAll("value");
  if (fields.has("value") && !document.activeElement.matches(":focus-visible")) document.activeElement.blur();
  card.hidden = true;
  card.dataset.past = "";
  past.push(card);
  show(waiting()[0]);
  post(form.getAttribute("action"), fields, card); // form.action is the button of that name
  fetchMore();
};

const undo = async (address, fields) => {
  if (!past.length) {
    // What was decided before this page was opened comes back with it.
    if (await post(address, fields)) location.reload();
    return;
  }
  const card = past.pop();
  tell(page.dataset.undone);
  if (Array.isArray(card)) {
    for (const row of card) fields.append("rows", row);
    isAll = false;
    post(address, fields).then(() => fetchMore());
    return;
  }
  card.answer = null;
  bringBack(card);
  post(address, fields);
};

// Look-alikes of the row labelled last: one label for all that are left chosen. They stand in place of the row and its keys.
const isOpen = () => part("alike")?.hidden === false;

const turnTo = (open) => {
  part("alike").hidden = !open;
  if (!open) part("alikes").replaceChildren();
  for (const name of ["row", "keys"]) part(name).hidden = open;
};

const lastLabelled = () => past.findLast((card) => card.answer);

const openAlike = async () => {
  const card = lastLabelled();
  if (!card) {
    tell(page.dataset.unlabelled);
    return;
  }
  await sending; // what is labelled is no look-alike any more
  const address = new URL(page.dataset.alike, location.href);
  const values = card.answer.filter((value) => value.trim()).map((value) => ["value", value.trim()]);
  address.search = new URLSearchParams([["row", card.dataset.row], ...values]);
  const answer = await fetch(address).catch(() => null);
  if (!answer?.ok) {
    tell(page.dataset.unreachable);
    return;
  }
  const found = await answer.text();
  if (isOpen() || lastLabelled() !== card) return; // another row was labelled meanwhile
  tell("");
  part("alikes").innerHTML = found;
  turnTo(true);
  part("alikes").querySelector("h2").focus();
};

const chosen = () => [...part("alikes").querySelectorAll("input[name=row]:checked")].map((input) => input.value);

const countChosen = () => {
  const count = chosen().length;
  part("chosen").textContent = formatCount(count);
  part("chosen").closest("button").disabled = !count;
};

const labelAlike = async (form) => {
  const fields = new FormData(form);
  const rows = chosen();
  turnTo(false);
  for (const row of rows) cards.querySelector(`[data-row="${row}"]:not([data-past])`)?.remove();
  if (!current()) show(waiting()[0]);
  past.push(rows);
  const said = await post(form.getAttribute("action"), fields, rows);
  if (said) tell(said.news);
  isAll = false;
  fetchMore();
};

const pressInAlike = (key) => {
  const input = part("alikes").querySelector(`[data-choose="${CSS.escape(key)}"]`);
  if (input) input.click();
  else if (key === "Enter" && part("chosen") && chosen().length) part("alike").requestSubmit();
  else if (key === "Escape" || key === "*") turnTo(false);
  else return false;
  return true;
};

page.addEventListener("submit", (event) => {
  const form = event.target;
  const button = event.submitter;
  if (form.role === "search") return;
  if (form.dataset.part === "done") {
    if (!unsent) return;
    event.preventDefault();
    sending.then(() => form.requestSubmit(button));
    return;
  }
  event.preventDefault();
  if (button?.matches("[data-save]")) takeTyped();
  const save = new CustomEvent("labelling:save", { cancelable: true });
  if (button?.matches("[data-save]") && !page.dispatchEvent(save)) return;
  const fields = new FormData(form, button);
  if (form.dataset.part === "alike") {
    labelAlike(form);
    return;
  }
  if (form.dataset.part === "add" && !fields.get("new").trim()) return;
  if (button?.dataset.part === "undo") undo(button.formAction, fields);
  else decide(form, fields);
  if (form.dataset.part === "add") {
    addKey(fields.get("new").trim());
    form.elements.new.value = "";
    form.elements.new.blur();
  }
});

const playOrPause = () => {
  const sound = current()?.querySelector("audio");
  if (sound?.paused) sound.play();
  else sound?.pause();
};

// In a field that is the answer: Enter saves, Ctrl with space plays, and with nothing in it arrows skip and undo.
const pressInField = (event) => {
  if (event.isComposing) return true;
  if (event.key === "Enter" && !event.shiftKey) page.querySelector("[data-save]").click();
  else if (event.key === " " && event.ctrlKey) playOrPause();
  else return event.target.value !== "" || !["ArrowLeft", "ArrowRight"].includes(event.key);
  event.preventDefault();
  return true;
};

document.addEventListener("keydown", (event) => {
  if (event.target.matches?.("[data-field]") && event.key !== "Escape") {
    if (pressInField(event)) return;
    page.querySelector(`[data-key=${event.key}]`)?.click();
    event.preventDefault();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input:not([type=checkbox]), textarea, select")) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  if (event.key === "Enter" && event.target.closest("button, summary, a")) return;
  if (isOpen()) {
    if (pressInAlike(event.key.length === 1 ? event.key.toLowerCase() : event.key)) event.preventDefault();
    return;
  }
  const sound = current()?.querySelector("audio");
  if (event.key === "?") part("help").open = !part("help").open;
  else if (event.key === "+") document.getElementById("new")?.focus();
  else if (event.key === " " && sound && !event.target.closest("button, summary, a")) playOrPause();
  else {
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const button = [...page.querySelectorAll("[data-key]")].find((one) => one.dataset.key === key);
    if (!button || button.disabled) return;
    button.click();
  }
  event.preventDefault();
});

page.addEventListener("labelling:tell", (event) => tell(event.detail.text));
document.getElementById("new")?.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.isComposing || event.target.form?.dataset.part === "add") return;
  event.preventDefault();
  takeTyped();
  event.target.blur();
});
part("alike")?.addEventListener("change", countChosen);
part("alike")?.addEventListener("click", (event) => {
  if (event.target.closest("[data-part=close]")) turnTo(false);
});
if (part("openalike")) {
  part("openalike").hidden = false;
  part("openalike").addEventListener("click", openAlike);
}

addEventListener("beforeunload", (event) => {
  if (unsent) event.preventDefault();
});
if (current()) show(current());
fetchMore();
// Until the rows were read for the first time.
const reading = setInterval(() => {
  if (page.dataset.fitted || !part("progress")) clearInterval(reading);
  else refresh();
}, READING_MILLISECONDS);
