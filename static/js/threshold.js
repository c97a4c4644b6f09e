// The slider on a run's page works out its figures here; without script its form asks the server.
const form = document.querySelector("form[data-threshold]");
const formatCount = (value) => Math.round(value).toLocaleString("en");
const fill = (text, values) => text.replaceAll(/\{(\w+)\}/g, (_all, name) => values[name]);

if (form) {
  const points = JSON.parse(document.getElementById("thresholds").textContent);
  const rows = Number(form.dataset.rows);
  const part = (name) => form.querySelector(`[data-part=${name}]`);
  const allRight = Number(form.dataset.allRight);
  const slider = form.querySelector("input[type=range]");
  const now = form.querySelector("line.now");

  const show = () => {
    const { threshold, answered, right, low } = points[slider.value];
    const wrong = answered - right;
    const left = rows - answered;
    part("sure").textContent = fill(form.dataset.percent, { number: Math.round(threshold * 100) });
    for (const [name, value] of Object.entries({ right, wrong, left })) part(name).textContent = formatCount(value);
    let start = 0;
    [right, wrong, left].forEach((value, index) => {
      const share = (100 * value) / rows;
      const rect = part("bar").querySelectorAll("rect")[index];
      rect.setAttribute("x", `${start}%`);
      rect.setAttribute("width", `${share}%`);
      start += share;
    });
    const last = points.findLast((point) => point.answered) ?? points[0];
    for (const end of ["x1", "x2"]) now?.setAttribute(end, Math.min(100, (100 * threshold) / (last.threshold || 1)));
    const values = {
      threshold: Math.round(100 * threshold),
      answered: Math.round((100 * answered) / rows),
      share: answered ? Math.round((100 * right) / answered) : 0,
      low: Math.floor(100 * (low ?? 0)),
      left: formatCount(left),
      missed: formatCount(Math.max(0, left - (allRight - right))),
    };
    const proven = answered && low !== null && low !== undefined;
    part("means").textContent = fill(proven ? form.dataset.proven : form.dataset.sentence, values);
    part("rest").textContent = left ? fill(form.dataset.left, values) : "";
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
