// Small helps on top of forms and links that work without them.
const copy = async (button) => {
  const source = button.dataset.copy.startsWith("#") ? document.querySelector(button.dataset.copy) : null;
  const text = source ? source.value ?? source.textContent : button.dataset.copy;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const field = document.createElement("textarea");
    field.className = "sr";
    field.value = text;
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  }
  const notes = document.getElementById("notes");
  const note = document.createElement("p");
  note.className = "note panel";
  note.textContent = document.body.dataset.copied;
  notes?.replaceChildren(note);
  setTimeout(() => note.remove(), 2500);
};

const showTab = (link) => {
  for (const other of link.parentElement.querySelectorAll("a")) {
    const here = other === link;
    if (here) other.setAttribute("aria-current", "true");
    else other.removeAttribute("aria-current");
    const part = document.querySelector(other.getAttribute("href"));
    if (part) part.hidden = !here;
  }
};

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) copy(button);
  const tab = event.target.closest("[data-tabs] > a");
  if (tab) { event.preventDefault(); showTab(tab); }
  const back = event.target.closest("[data-back]");
  if (back && history.length > 1) { event.preventDefault(); history.back(); }
  const example = event.target.closest("[data-fill]");
  if (example) {
    event.preventDefault();
    const field = document.querySelector(example.dataset.fill);
    field.value = example.dataset.text ?? example.textContent.trim();
    field.focus();
    const form = example.closest("form");
    if (form?.matches("[data-quick]")) form.requestSubmit();
  }
});

// Ctrl+Enter (⌘+Enter) in a text sends a form that asks a model.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
  const form = event.target.closest("textarea")?.form;
  if (form?.matches("[data-quick]")) { event.preventDefault(); form.requestSubmit(); }
});

// A select or a radio that is a whole form's answer sends it.
document.addEventListener("change", (event) => {
  const form = event.target.closest("[data-send]")?.form;
  if (form) form.requestSubmit();
});

// A button that acts on what is ticked works once something is; without this script the server says what is missing.
const allow = () => {
  for (const button of document.querySelectorAll("[data-needs]")) {
    button.disabled = ![...button.form.elements].some((one) => one.name === button.dataset.needs && one.checked);
  }
};
document.addEventListener("change", allow);
addEventListener("pageshow", allow);

const prepare = (root) => {
  allow();
  for (const tabs of root.querySelectorAll("[data-tabs]")) {
    const first = tabs.querySelector("a[aria-current]") ?? tabs.querySelector("a");
    if (first) showTab(first);
  }
  for (const log of root.querySelectorAll(".log")) log.scrollTop = log.scrollHeight;
  for (const time of root.querySelectorAll("time[datetime][data-local]")) {
    const moment = new Date(time.dateTime);
    const shape = time.dataset.local === "time" ? { timeStyle: "short" } : { dateStyle: "medium", timeStyle: "short" };
    if (!Number.isNaN(moment.getTime())) time.textContent = moment.toLocaleString(document.documentElement.lang, shape);
  }
};
prepare(document);
// A page that shows a refused form again stands under its own address, so that a reload sends nothing twice.
if (document.body.dataset.address) history.replaceState(null, "", document.body.dataset.address);
document.addEventListener("htmx:afterSwap", (event) => {
  prepare(event.target);
  const follower = event.detail.requestConfig?.elt;
  if (follower?.dataset && "follows" in follower.dataset) { // an answer that follows a slider leaves the hand there
    delete follower.dataset.follows;
    return;
  }
  // Whoever works by keyboard goes on at what is new: what they pressed may be disabled or gone.
  event.target.querySelector("[data-focus]")?.focus();
});
