// Upload with a bar, a speed and a remaining time. Without this file the same form sends itself.
const form = document.querySelector("form[data-upload]");
const field = form?.querySelector("input[type=file]");
const drop = form?.querySelector(".drop");
const words = form?.dataset ?? {};

const part = (name) => form.querySelector(`[data-part=${name}]`);
const say = (sentence, values = {}) => sentence.replace(/\{(\w+)\}/g, (_all, name) => values[name]);
const megabytes = (bytes) => (bytes / 1e6 < 10 ? (bytes / 1e6).toFixed(1) : Math.round(bytes / 1e6));

const fail = (message) => {
  part("going").hidden = true;
  drop.hidden = false;
  field.value = ""; // so that the same file, mended, counts as a new choice
  const place = part("error");
  place.textContent = message;
  place.hidden = false;
  place.focus();
};

const problemOf = (request) => {
  try {
    const answer = JSON.parse(request.responseText);
    return [answer.message ?? answer.detail ?? answer.title, answer.hint].filter(Boolean).join(" ") || words.failed;
  } catch {
    const page = new DOMParser().parseFromString(request.responseText, "text/html");
    const said = [page.querySelector("h1"), page.querySelector(".door-head p")].filter(Boolean);
    return said.map((one) => one.textContent.trim()).join(" ") || words.failed;
  }
};

const send = () => {
  const names = [...field.files].map((file) => file.name);
  if (!names.length) return;
  const bytes = [...field.files].reduce((sum, file) => sum + file.size, 0);
  if (bytes > Number(words.maxBytes)) { fail(words.tooLarge); return; }
  const request = new XMLHttpRequest();
  const started = performance.now();
  part("error").hidden = true;
  part("going").hidden = false;
  part("name").textContent = names.join(", ");
  drop.hidden = true;
  request.upload.addEventListener("progress", (event) => {
    if (!event.lengthComputable) return;
    const seconds = Math.max(0.2, (performance.now() - started) / 1000);
    const speed = event.loaded / seconds;
    const bar = part("bar");
    bar.max = event.total;
    bar.value = event.loaded;
    const left = Math.ceil((event.total - event.loaded) / speed);
    part("speed").textContent = event.loaded === event.total
      ? words.checking
      : say(words.going, { done: megabytes(event.loaded), all: megabytes(event.total), speed: (speed / 1e6).toFixed(1), left });
  });
  request.addEventListener("load", () => {
    if (request.status >= 400) { fail(problemOf(request)); return; }
    let target = request.responseURL;
    try { target = JSON.parse(request.responseText).location ?? target; } catch { /* a page: go where it is */ }
    location.assign(target);
  });
  request.addEventListener("error", () => fail(words.broken));
  request.open("POST", form.action);
  request.setRequestHeader("Accept", "application/json");
  request.send(new FormData(form));
};

if (form) {
  field.addEventListener("change", send);
  let depth = 0;
  const over = (on) => drop.toggleAttribute("data-over", on);
  const carries = (event) => event.dataTransfer?.types.includes("Files");
  document.addEventListener("dragenter", (event) => { if (carries(event)) { depth += 1; over(true); } });
  document.addEventListener("dragleave", (event) => { if (carries(event)) { depth -= 1; over(depth > 0); } });
  document.addEventListener("dragover", (event) => { if (carries(event)) event.preventDefault(); });
  document.addEventListener("drop", (event) => {
    if (!carries(event)) return;
    event.preventDefault();
    depth = 0;
    over(false);
    field.files = event.dataTransfer.files;
    send();
  });
}
