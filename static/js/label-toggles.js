// Several labels of a row: keys and taps toggle them, Enter saves.
const page = document.querySelector("[data-labelling]");
const box = page.querySelector("[data-part=labels]");
const save = page.querySelector("[data-save]");
const field = document.getElementById("new");
const inputs = () => [...box.querySelectorAll("input")];

const tell = () => {
  const chosen = inputs().filter((input) => input.checked);
  page.querySelector("[data-part=chosenlabels]").textContent =
    chosen.map((input) => input.value).join(", ") || save.dataset.none;
};

const choose = (label) => {
  if (!label) return;
  page.dispatchEvent(new CustomEvent("labelling:new", { detail: { label } }));
  inputs().find((input) => input.value === label).checked = true;
  field.value = "";
  tell();
};

page.addEventListener("labelling:show", ({ detail }) => {
  for (const input of inputs()) input.checked = detail.given.includes(input.value);
  field.value = "";
  tell();
});
// What is typed but not added yet counts as chosen.
page.addEventListener("labelling:save", () => choose(field.value.trim()));
box.addEventListener("change", tell);
field.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.isComposing) return;
  event.preventDefault();
  choose(field.value.trim());
  field.blur();
});
tell();
