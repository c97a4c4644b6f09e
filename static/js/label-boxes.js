// Boxes in a picture: drawn, moved and resized with the pointer, nudged by arrows. `boxes`: [{label, box: [x, y, width, height]}] in pixels
// of the picture. On a small screen too: a tap chooses a box, dragging elsewhere draws a new one.
const page = document.querySelector("[data-labelling]");
const part = (name) => page.querySelector(`[data-part=${name}]`);
const list = part("marks");
const [COLOURS, TAP, STEP, LEAST] = [5, 5, 0.01, 320];
let boxes = [];
let chosen = null;
let usual = "";
let drawing = null;
let drag = null;

// Keys are for the page again after a click, as they are before.
const letKeysGo = () => {
  if (document.activeElement.matches("button:not(:focus-visible)")) document.activeElement.blur();
};
const tell = (text) => page.dispatchEvent(new CustomEvent("labelling:tell", { detail: { text } }));
const labels = () => [...part("labels").querySelectorAll("button")].map((one) => one.value);
const picture = () => drawing?.querySelector("img");
const size = () => [picture()?.naturalWidth || 1, picture()?.naturalHeight || 1];
const pixels = () => size()[0] / (drawing?.clientWidth || 1); // of the picture, a pixel of the screen
const round = (value) => Math.round(value * 10) / 10;
const clamp = (value, low, high) => Math.min(Math.max(value, low), Math.max(low, high));

const shape = (name, fields) => {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(fields)) made.setAttribute(key, value);
  return made;
};

// What was suggested and not touched yet.
let suggested = new Set();
const touch = (one) => suggested.delete(one);

const asRect = ({ label, box: [x, y, width, height] }, css) => {
  const rect = shape("rect", { class: `b${(Math.max(labels().indexOf(label), 0) % COLOURS) + 1} ${css}`, x, y, width, height });
  rect.setAttribute("vector-effect", "non-scaling-stroke");
  return rect;
};

const draw = () => {
  const svg = drawing?.querySelector("svg");
  if (svg) {
    svg.setAttribute("viewBox", `0 0 ${size().join(" ")}`);
    svg.replaceChildren(...boxes.map((one) => asRect(one, [one === chosen ? "now" : "", suggested.has(one) ? "suggested" : ""].join(" "))));
    if (chosen) {
      const [x, y, width, height] = chosen.box;
      svg.append(shape("circle", { class: "grip", cx: x + width, cy: y + height, r: 7 * pixels() }));
    }
  }
  list.replaceChildren(
    ...boxes.map((one, place) => {
      const item = document.createElement("li");
      const button = document.createElement("button");
      Object.assign(button, { type: "button", className: "btn slim", textContent: `${place + 1} ${one.label || "?"}` });
      button.dataset.place = place;
      button.setAttribute("aria-pressed", String(one === chosen));
      item.append(button);
      return item;
    }),
  );
  part("removebox").disabled = !chosen;
  part("addbox").disabled = !drawing;
  part("marked").textContent = boxes.length || list.dataset.nothing;
  part("value").value = JSON.stringify(boxes);
};

const choose = (one) => {
  chosen = one;
  draw();
};

const add = (box) => {
  boxes = [...boxes, { label: usual || labels()[0] || "", box }];
  choose(boxes.at(-1));
};

const remove = () => {
  boxes = boxes.filter((one) => one !== chosen);
  choose(null);
};

const label = (name) => {
  usual = name;
  if (chosen) chosen.label = name;
  touch(chosen);
  draw();
};

// Within the picture, at least a pixel wide and high.
const place = (x, y, width, height) => {
  const [wide, high] = size();
  const sides = [clamp(width, 1, wide), clamp(height, 1, high)];
  const [left, top] = [clamp(x, 0, wide - sides[0]), clamp(y, 0, high - sides[1])].map(round);
  touch(chosen);
  chosen.box = [left, top, Math.min(sides[0], wide - left), Math.min(sides[1], high - top)].map(round);
  draw();
};

const between = (from, to) => {
  const [wide, high] = size();
  const [left, right] = [from[0], to[0]].map((value) => clamp(value, 0, wide)).toSorted((a, b) => a - b);
  const [top, bottom] = [from[1], to[1]].map((value) => clamp(value, 0, high)).toSorted((a, b) => a - b);
  return [left, top, right - left, bottom - top];
};

const point = (event) => {
  const frame = drawing.getBoundingClientRect();
  const [wide, high] = size();
  return [((event.clientX - frame.left) / frame.width) * wide, ((event.clientY - frame.top) / frame.height) * high];
};

const isIn = ([x, y], { box }) => box[0] <= x && x <= box[0] + box[2] && box[1] <= y && y <= box[1] + box[3];

const under = (at) => boxes.filter((one) => isIn(at, one)).toSorted((a, b) => a.box[2] * a.box[3] - b.box[2] * b.box[3])[0] ?? null;

const grabbed = (at) => {
  if (!chosen) return "draw";
  const [x, y, width, height] = chosen.box;
  if (Math.hypot(at[0] - x - width, at[1] - y - height) < 22 * pixels()) return "resize";
  return isIn(at, chosen) ? "move" : "draw";
};

page.addEventListener("pointerdown", (event) => {
  if (!event.target.closest("[data-drawing]") || event.button !== 0 || !drawing) return;
  event.preventDefault();
  const at = point(event);
  drag = { at, from: [event.clientX, event.clientY], how: grabbed(at), box: chosen?.box, isMoved: false };
  drawing.setPointerCapture(event.pointerId);
});

page.addEventListener("pointermove", (event) => {
  if (!drag) return;
  if (!drag.isMoved && Math.hypot(event.clientX - drag.from[0], event.clientY - drag.from[1]) < TAP) return;
  const at = point(event);
  if (drag.how === "draw" && !drag.isMoved) add([0, 0, 1, 1]);
  drag.isMoved = true;
  const [x, y, width, height] = drag.box ?? [];
  if (drag.how === "draw") place(...between(drag.at, at));
  else if (drag.how === "move") place(x + at[0] - drag.at[0], y + at[1] - drag.at[1], width, height);
  else place(...between([x, y], at));
});

page.addEventListener("pointerup", () => {
  if (drag && !drag.isMoved) choose(under(drag.at));
  drag = null;
});
page.addEventListener("pointercancel", () => {
  drag = null;
});

page.addEventListener("click", (event) => {
  if (event.target.closest("[data-part=keys], [data-part=row]")) letKeysGo();
  const choice = event.target.closest("[data-part=labels] button");
  const listed = event.target.closest("[data-place]");
  if (choice) label(choice.value);
  if (listed) choose(boxes[Number(listed.dataset.place)]);
  if (event.target.closest("[data-part=removebox]")) remove();
  if (event.target.closest("[data-part=addbox]")) {
    const [wide, high] = size();
    add([0.375 * wide, 0.375 * high, 0.25 * wide, 0.25 * high].map(round));
  }
});

page.addEventListener("labelling:new", ({ detail }) => label(detail.label));

// A small picture is shown larger, so that a finger can draw in it.
const enlarge = () => {
  const [wide, high] = size();
  const scale = Math.min(LEAST / wide, (0.4 * innerHeight) / high);
  if (scale > 1) picture().style.inlineSize = `${Math.round(wide * scale)}px`;
  draw();
};

page.addEventListener("labelling:show", ({ detail }) => {
  drawing = detail.card?.querySelector("[data-drawing]") ?? null;
  boxes = JSON.parse(detail.given[0] || "[]");
  suggested = new Set(detail.isSuggested ? boxes : []);
  chosen = null;
  if (picture()?.complete) enlarge();
  else draw();
  picture()?.addEventListener("load", enlarge, { once: true });
});

page.addEventListener("labelling:save", (event) => {
  if (boxes.every((one) => one.label)) return;
  event.preventDefault();
  tell(list.dataset.unnamed);
  choose(boxes.find((one) => !one.label));
});

const nudge = (key, isResizing) => {
  const [wide, high] = size();
  const across = { ArrowLeft: -1, ArrowRight: 1 }[key] ?? 0;
  const down = { ArrowUp: -1, ArrowDown: 1 }[key] ?? 0;
  const step = STEP * Math.max(wide, high);
  const [x, y, width, height] = chosen.box;
  if (isResizing) place(x, y, Math.min(width + across * step, wide - x), Math.min(height + down * step, high - y));
  else place(x + across * step, y + down * step, width, height);
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select")) return;
  const isOnButton = event.target.closest("button, summary, a");
  if (event.key === " " && boxes.length && !isOnButton) choose(boxes[(boxes.indexOf(chosen) + 1) % boxes.length]);
  else if (!chosen) return;
  else if (event.key.startsWith("Arrow")) nudge(event.key, event.shiftKey);
  else if (event.key === "Backspace" || event.key === "Delete") remove();
  else if (event.key === "Escape") choose(null);
  else return;
  event.preventDefault();
  event.stopImmediatePropagation();
});
