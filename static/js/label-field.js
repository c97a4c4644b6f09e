// One field is the answer: a number or a text. It has the focus; Enter saves. Outside of what is there a number is asked about once.
const page = document.querySelector("[data-labelling]");
const field = page.querySelector("[data-field]");
const { low, high } = field.dataset;
let confirmed = "";

const tell = (text) => page.dispatchEvent(new CustomEvent("labelling:tell", { detail: { text } }));

const isOutside = (number) => low !== undefined && (number < Number(low) || number > Number(high));

page.addEventListener("labelling:show", ({ detail }) => {
  field.value = detail.given[0] ?? "";
  field.disabled = !detail.card;
  confirmed = "";
  if (detail.card) field.focus({ preventScroll: true });
});

page.addEventListener("labelling:save", (event) => {
  const typed = field.value.trim();
  const isUnsure = isOutside(Number(typed.replace(",", "."))) && confirmed !== typed;
  if (typed && !isUnsure) return;
  event.preventDefault();
  confirmed = typed;
  tell(typed ? field.dataset.outside : field.dataset.empty);
  field.focus({ preventScroll: true });
});
