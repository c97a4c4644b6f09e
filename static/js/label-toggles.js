// Several labels of a row: keys and taps toggle them, Enter saves.
const page = document.querySelector("[data-labelling]");
const box = page.querySelector("[data-part=labels]");
const save = page.querySelector("[data-save]");
const inputs = () => [...box.querySelectorAll("input")];

const tell = () => {
  const chosen = inputs().filter((input) => input.checked);
  page.querySelector("[data-part=chosenlabels]").textContent =
    chosen.map((input) => input.value).join(", ") || save.dataset.none;
};

page.addEventListener("labelling:show", ({ detail }) => {
  for (const input of inputs()) input.checked = detail.given.includes(input.value);
  tell();
});
page.addEventListener("labelling:new", ({ detail }) => {
  inputs().find((input) => input.value === detail.label).checked = true;
  tell();
});
box.addEventListener("change", tell);
tell();
