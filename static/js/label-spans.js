// Passages of a text: the first and the last word by pointer or arrows, then a label. `spans`: [{start, end, label}], words from 0, the
// end is the word after the last.
const page = document.querySelector("[data-labelling]");
const part = (name) => page.querySelector(`[data-part=${name}]`);
const list = part("marks");
const COLOURS = 5;
let spans = [];
let suggested = new Set(); // and not touched yet
let words = [];
let first = 0;
let last = 0;
let isChosen = false;

// Keys are for the page again after a click, as they are before.
const letKeysGo = () => {
  if (document.activeElement.matches("button:not(:focus-visible)")) document.activeElement.blur();
};
const tell = (text) => page.dispatchEvent(new CustomEvent("labelling:tell", { detail: { text } }));
const at = (word) => spans.find((span) => span.start <= word && word < span.end);
const colour = (label) => [...part("labels").querySelectorAll("button")].findIndex((one) => one.value === label) % COLOURS;

const draw = () => {
  const [low, high] = [Math.min(first, last), Math.max(first, last)];
  for (const [place, word] of words.entries()) {
    const span = at(place);
    word.className = span ? `token m${colour(span.label) + 1}${suggested.has(span) ? " suggested" : ""}` : "token";
    word.title = span?.label ?? "";
    word.setAttribute("aria-pressed", String(isChosen && low <= place && place <= high));
  }
  list.replaceChildren(
    ...spans.map((span) => {
      const item = document.createElement("li");
      const button = document.createElement("button");
      const text = words.slice(span.start, span.end).map((word) => word.textContent);
      button.type = "button";
      button.className = "btn slim";
      button.dataset.start = span.start;
      button.title = list.dataset.remove;
      button.append(`${text.join(" ")} · ${span.label} ×`);
      item.append(button);
      return item;
    }),
  );
  part("marked").textContent = spans.length || list.dataset.nothing;
  part("value").value = JSON.stringify(spans);
};

const choose = (from, to) => {
  [first, last, isChosen] = [from, to, true];
  words[to]?.scrollIntoView({ block: "nearest" });
  draw();
};

const remove = (span) => {
  spans = spans.filter((one) => one !== span);
  draw();
};

const label = (name) => {
  const [start, end] = [Math.min(first, last), Math.max(first, last) + 1];
  const same = spans.find((span) => span.start === start && span.end === end);
  if (!isChosen || !words.length) tell(list.dataset.choose);
  else if (!same && spans.some((span) => span.start < end && start < span.end)) tell(list.dataset.overlap);
  else {
    spans = [...spans.filter((span) => span !== same), { start, end, label: name }].toSorted((a, b) => a.start - b.start);
    [first, isChosen] = [last, false];
    tell("");
    draw();
  }
};

page.addEventListener("labelling:show", ({ detail }) => {
  words = [...(detail.card?.querySelectorAll("[data-token]") ?? [])];
  spans = JSON.parse(detail.given[0] || "[]");
  suggested = new Set(detail.isSuggested ? spans : []);
  [first, last, isChosen] = [0, 0, false];
  draw();
});

page.addEventListener("click", (event) => {
  if (event.target.closest("[data-part=keys], [data-part=row]")) letKeysGo();
  const word = event.target.closest("[data-token]");
  const listed = event.target.closest("[data-start]");
  const choice = event.target.closest("[data-part=labels] button");
  if (choice) label(choice.value);
  if (listed) remove(spans.find((span) => span.start === Number(listed.dataset.start)));
  if (!word) return;
  const place = Number(word.dataset.token);
  const span = at(place);
  if (span) choose(span.start, span.end - 1);
  else choose(isChosen && !at(first) && first === last ? first : place, place);
});

page.addEventListener("labelling:new", ({ detail }) => label(detail.label));

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select") || !words.length) return;
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step) {
    const next = Math.min(words.length - 1, Math.max(0, isChosen || last ? last + step : 0));
    choose(event.shiftKey ? first : next, next);
  } else if (event.key === "Backspace" || event.key === "Delete") remove(at(last));
  else return;
  event.preventDefault();
  event.stopImmediatePropagation();
});
