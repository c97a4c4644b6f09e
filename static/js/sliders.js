// “What if”: a slider beside each number of a table's form, within what the rows had, and the answer follows what is changed. Without
// script the fields and their button work alone.
const AFTER = 350, APART = 1000;
const mark = (slider) => slider.dataset.mark || ".";

for (const form of document.querySelectorAll("form[hx-post]")) {
  const sliders = [...form.querySelectorAll("input[data-slides]")];
  if (!sliders.length) continue;
  const live = form.querySelector("[data-part=live]");
  const answer = document.querySelector(form.getAttribute("hx-target"));
  const told = Object.assign(document.createElement("input"), { type: "hidden", name: "follows" });
  form.append(told);
  let timer = 0, asked = 0;

  const field = (slider) => form.elements[slider.dataset.slides];
  const number = (slider) => Number(field(slider).value.trim().replaceAll(mark(slider), "."));

  // A number that is typed moves its slider; one that is not known, or beyond the rows, leaves it where it is.
  const follow = (slider) => {
    const value = number(slider);
    if (field(slider).value.trim() && Number.isFinite(value)) slider.value = value;
    slider.classList.toggle("unset", !field(slider).value.trim());
  };

  const ask = () => {
    asked = Date.now();
    told.value = "1";
    form.dataset.follows = "";
    form.requestSubmit();
    told.value = "";
  };

  const soon = () => {
    clearTimeout(timer);
    timer = setTimeout(ask, Math.max(AFTER, asked + APART - Date.now()));
  };

  for (const slider of sliders) {
    slider.hidden = false;
    follow(slider);
    slider.addEventListener("input", () => {
      const end = Number(slider.max) - Number(slider.value) < Number(slider.step) ? slider.dataset.high : slider.value;
      field(slider).value = end.replaceAll(".", mark(slider));
      slider.classList.remove("unset");
      soon();
    });
    field(slider).addEventListener("input", () => { follow(slider); soon(); });
  }
  for (const select of form.querySelectorAll("select")) select.addEventListener("change", soon);
  form.addEventListener("submit", () => clearTimeout(timer));

  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.target !== answer || !live) return;
    live.textContent = answer.querySelector("[data-focus]")?.textContent.replaceAll(/\s+/g, " ").trim() ?? "";
    live.hidden = !live.textContent;
  });
}
