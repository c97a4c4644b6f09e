// A guest's page, one row: the script of the kind of answer is told what is shown, and asked before it is sent.
const page = document.querySelector("[data-labelling]");
const card = page.querySelector("[data-row]");
const news = page.querySelector("[data-part=news]");

page.addEventListener("labelling:tell", ({ detail }) => {
  news.textContent = detail.text;
  news.hidden = !detail.text;
});
page.addEventListener("submit", (event) => {
  if (!page.dispatchEvent(new CustomEvent("labelling:save", { cancelable: true }))) event.preventDefault();
});

// The keys that stand on buttons.
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select")) return;
  page.querySelector(`[data-key="${CSS.escape(event.key)}"]`)?.click();
});

let given = [card.dataset.given];
try {
  JSON.parse(given[0] || "[]");
} catch {
  given = []; // what was sent cannot be read
}
page.dispatchEvent(new CustomEvent("labelling:show", { detail: { card, given, isSuggested: false } }));
