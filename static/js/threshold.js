// The slider on a run's page works out its figures here; without script its form asks the server.
const form = document.querySelector("form[data-threshold]");

if (form) {
  const points = JSON.parse(document.getElementById("thresholds").textContent);
  const rows = Number(form.dataset.rows);
  const part = (name) => form.querySelector(`[data-part=${name}]`);
  const allRight = Number(form.dataset.allRight);
  const slider = form.querySelector("input[type=range]");
  const now = form.querySelector("line.now");
  const whole = (value) => Math.round(value).toLocaleString("en");
  const filled = (text, values) => text.replace(/\{(\w+)\}/g, (_all, name) => values[name]);

  const show = () => {
    const { threshold, answered, right, low } = points[slider.value];
    const wrong = answered - right;
    const left = rows - answered;
    part("sure").textContent = filled(form.dataset.percent, { number: Math.round(threshold * 100) });
    for (const [name, value] of Object.entries({ right, wrong, left })) part(name).textContent = whole(value);
    let start = 0;
    [right, wrong, left].forEach((value, index) => {
      const share = (100 * value) / rows;
      const rect = part("bar").querySelectorAll("rect")[index];
      rect.setAttribute("x", `${start}%`);
      rect.setAttribute("width", `${share}%`);
      start += share;
    });
    const last = [...points].reverse().find((one) => one.answered) ?? points[0];
    for (const end of ["x1", "x2"]) now?.setAttribute(end, Math.min(100, (100 * threshold) / (last.threshold || 1)));
    const values = {
      threshold: Math.round(100 * threshold),
      answered: Math.round((100 * answered) / rows),
      share: answered ? Math.round((100 * right) / answered) : 0,
      low: Math.floor(100 * (low ?? 0)),
      left: whole(left),
      missed: whole(Math.max(0, left - (allRight - right))),
    };
    const proven = answered && low !== null && low !== undefined;
    part("means").textContent = filled(proven ? form.dataset.proven : form.dataset.sentence, values);
    part("rest").textContent = left ? filled(form.dataset.left, values) : "";
  };

  slider.addEventListener("input", show);
  for (const button of form.querySelectorAll("button[data-index]")) {
    button.type = "button";
    button.addEventListener("click", () => {
      slider.value = button.dataset.index;
      show();
    });
  }
}
