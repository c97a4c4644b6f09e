// Uploads that go on after a lost connection, a reload or a restart of the site, by tus (vendor/tus.min.js).
// Folders go as one tar (folders.js). Without this file, or without tus, the same form sends itself.
const form = document.querySelector("form[data-upload]");
const field = form?.querySelector("input[type=file]");
const drop = form?.querySelector(".drop");
const folderField = Object.assign(document.createElement("input"), { type: "file", multiple: true, webkitdirectory: true });
const words = form?.dataset ?? {};

const CHUNK_BYTES = 8 * 2 ** 20;
const RETRY_DELAYS = [0, 1000, 3000, 5000, 10000, ...Array(20).fill(15000)];
const SPEED_MS = 5000; // the speed is that of the last seconds, so that a pause does not count

const part = (name) => form.querySelector(`[data-part=${name}]`);
const format = (sentence, values = {}) => sentence.replaceAll(/\{(\w+)\}/g, (_all, name) => values[name]);
const megabytes = (bytes) => (bytes / 1e6 < 10 ? (bytes / 1e6).toFixed(1) : Math.round(bytes / 1e6));
const duration = (seconds) =>
  seconds < 90 ? format(words.seconds, { n: Math.ceil(seconds) }) : format(words.minutes, { n: Math.round(seconds / 60) });

class Meter {
  constructor(total) {
    this.total = total;
    this.done = 0;
    this.samples = [];
    this.spokenAt = 0;
  }

  get values() {
    const percent = this.total ? Math.floor((100 * this.done) / this.total) : 100;
    return { percent, done: megabytes(this.done), all: megabytes(this.total) };
  }

  // What was there before, after a pause or a reload, is no speed.
  restart() {
    this.samples = [];
    this.spokenAt = 0;
  }

  show(done) {
    const now = performance.now();
    if (done < this.done) this.restart();
    this.done = done;
    this.samples = [...this.samples.filter(([at]) => now - at < SPEED_MS), [now, done]];
    const bar = part("bar");
    bar.max = this.total || 1;
    bar.value = done;
    if (now - this.spokenAt < 500) return;
    this.spokenAt = now;
    const [at, before] = this.samples[0];
    const speed = now - at < 200 ? 0 : (1000 * (done - before)) / (now - at);
    const left = speed ? duration((this.total - done) / speed) : "";
    this.showSentence(speed ? words.going : words.beginning, { speed: (speed / 1e6).toFixed(1), left });
  }

  showSentence(sentence, values = {}) {
    part("speed").textContent = format(sentence, { ...this.values, ...values });
  }
}

let batch = null; // {meter, uploads, current, still, waits} while files are on their way

const showButtons = (still) => {
  part("pause").hidden = still;
  part("resume").hidden = !still;
};

// `waits` for the connection: then it goes on by itself once that is back.
const pause = (sentence, waits) => {
  Object.assign(batch, { still: true, waits });
  batch.current.abort().catch(() => {});
  batch.meter.showSentence(sentence);
  showButtons(true);
};

const resume = () => {
  batch.still = false;
  batch.meter.restart();
  batch.meter.showSentence(words.beginning);
  showButtons(false);
  batch.current.start();
};

const reset = () => {
  batch = null;
  part("going").hidden = true;
  part("choose").hidden = false;
  for (const hidden of form.querySelectorAll("input[name=upload]")) hidden.remove();
  field.value = folderField.value = ""; // so that the same file, mended, counts as a new choice
};

const fail = (message) => {
  reset();
  const place = part("error");
  place.textContent = message;
  place.hidden = false;
  place.focus();
};

// Which of several files is on its way.
const showPlace = ({ place, count, path }) => {
  part("file").hidden = count < 2;
  part("file").textContent = format(words.file, { place: place.toLocaleString(), count: count.toLocaleString(), path });
};

const messageOf = (text) => {
  try {
    const answer = JSON.parse(text);
    return [answer.message ?? answer.detail ?? answer.title, answer.hint].filter(Boolean).join(" ") || words.failed;
  } catch {
    const page = new DOMParser().parseFromString(text, "text/html");
    const said = [page.querySelector("h1"), page.querySelector(".door-head p")].filter(Boolean);
    return said.map((one) => one.textContent.trim()).join(" ") || words.failed;
  }
};

const statusOf = (error) => error.originalResponse?.getStatus() ?? 0;
const passes = (status) => [0, 409, 423, 429].includes(status) || (status >= 500 && status !== 507);

const uploadOf = (file) => {
  const upload = new tus.Upload(file, {
    endpoint: new URL(words.endpoint, location).href,
    chunkSize: CHUNK_BYTES,
    retryDelays: RETRY_DELAYS,
    metadata: { filename: file.name, filetype: file.type },
    ...(folders.printOf(file) && { fingerprint: () => Promise.resolve(`${folders.printOf(file)}-${words.endpoint}`) }),
    headers: { "X-CSRFToken": form.elements.csrfmiddlewaretoken.value },
    // The client takes any refusal of HEAD for a lost upload and begins anew; only 404 and 460 mean that.
    onAfterResponse: (request, response) => {
      const status = response.getStatus();
      upload.refused = [401, 403].includes(status) ? response : null;
      if (request.getMethod() === "HEAD" && status >= 400 && ![404, 410, 423, 460].includes(status)) {
        throw new Error(`HEAD answered ${status}`);
      }
    },
    onShouldRetry: (error) => {
      if (upload.refused || !passes(statusOf(error))) return false;
      if (!statusOf(error)) upload.checkFiles?.();
      if (batch && ![409, 423].includes(statusOf(error))) batch.meter.showSentence(words.lost);
      return navigator.onLine;
    },
  });
  return upload;
};

const transfer = (upload, before) =>
  new Promise((resolve, reject) => {
    upload.options.onProgress = (sent) => {
      if (!batch || batch.still) return;
      batch.meter.show(before + sent);
      showPlace(folders.placeOf(upload.file, sent) ?? { place: batch.uploads.indexOf(upload) + 1, count: batch.uploads.length, path: upload.file.name });
    };
    upload.options.onSuccess = () => resolve(upload.url.split("/").pop());
    // To the client, a file that cannot be read looks like a connection that is lost.
    upload.checkFiles = async () => {
      const path = await folders.unreadable(upload.file);
      if (!path) return;
      upload.abort().catch(() => {});
      reject(new Error(format(words.unreadable, { path })));
    };
    upload.options.onError = (error) => {
      const refusal = upload.refused ?? error.originalResponse;
      const passing = !upload.refused && error.originalRequest && passes(statusOf(error));
      if (!batch) return;
      if (passing) pause(navigator.onLine ? words.stopped : words.lost, true);
      else if (refusal?.getStatus() === 401) reject(new Error(words.signedOut));
      else upload.checkFiles().then(() => reject(new Error(refusal?.getBody() ? messageOf(refusal.getBody()) : words.failed)));
    };
    batch.current = upload;
    batch.meter.restart();
    upload.start();
  });

// The parts that an earlier visit left on the server, the newest first.
const earlier = async (upload) => {
  const uploads = await upload.findPreviousUploads();
  return uploads.toSorted((one, other) => new Date(other.creationTime) - new Date(one.creationTime));
};

const forget = async (uploads) => {
  for (const upload of uploads) {
    for (const { urlStorageKey } of await earlier(upload)) await tus.defaultOptions.urlStorage.removeUpload(urlStorageKey);
  }
};

// The same form once more, with the uploads in place of the files.
const finish = async (ids) => {
  part("buttons").hidden = true;
  part("speed").textContent = words.checking;
  field.value = "";
  for (const id of ids) {
    const hidden = Object.assign(document.createElement("input"), { type: "hidden", name: "upload", value: id });
    form.append(hidden);
  }
  const request = { method: "POST", body: new FormData(form), headers: { Accept: "application/json" } };
  const answer = await fetch(form.action, request).catch(() => null);
  if (!answer) throw new Error(words.broken);
  const text = await answer.text();
  if (!answer.ok) throw new Error(messageOf(text));
  await forget(batch.uploads);
  let target = answer.url;
  try { target = JSON.parse(text).location ?? target; } catch { /* a page: go where it is */ }
  location.assign(target);
};

const check = async (files, uploads) => {
  const total = files.reduce((sum, file) => sum + file.size, 0);
  if (files.length > Number(words.maxFiles)) throw new Error(words.tooMany);
  if (total > Number(words.maxBytes)) throw new Error(words.tooLarge);
  let reserved = 0;
  for (const [index, upload] of uploads.entries()) {
    const [newest] = await earlier(upload);
    if (!newest) continue;
    upload.resumeFromPreviousUpload(newest);
    reserved += files[index].size;
  }
  if (total - reserved > Number(words.roomBytes)) throw new Error(words.noRoom);
  return total;
};

const send = async (files) => {
  if (!files.length || batch) return;
  if (!globalThis.tus?.isSupported) { form.submit(); return; }
  const uploads = files.map(uploadOf);
  batch = { uploads, meter: new Meter(0), current: uploads[0], still: false, waits: false };
  const mine = batch;
  try {
    mine.meter.total = await check(files, uploads);
    part("error").hidden = true;
    part("going").hidden = false;
    part("buttons").hidden = false;
    part("name").textContent = files.map((file) => file.name).join(", ");
    part("choose").hidden = true;
    showButtons(false);
    const ids = [];
    let before = 0;
    for (const [index, upload] of uploads.entries()) {
      ids.push(await transfer(upload, before));
      before += files[index].size;
    }
    await finish(ids);
  } catch (error) {
    if (batch === mine) fail(error.message);
  }
};

const cancel = () => {
  const { uploads } = batch;
  reset();
  for (const upload of uploads) upload.abort(true).catch(() => {});
};

const sendFolder = async (arranging) => {
  if (batch) return;
  try {
    const { files, renamed, empty } = await arranging;
    if (empty) throw new Error(format(words.empty, { name: empty }));
    part("renamed").hidden = !renamed.length;
    part("renamed").textContent = renamed.map(([before, after]) => format(words.renamed, { before, after })).join(" ");
    await send(files);
  } catch (error) {
    fail(error.message || words.failed);
  }
};

const choose = (files) => {
  const many = files.length > Number(words.maxFiles) || files.some((file) => file.webkitRelativePath);
  if (many && globalThis.tus?.isSupported) sendFolder(folders.chosen(files, Number(words.maxFiles)));
  else send(files);
};

const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");

if (form) {
  field.addEventListener("change", () => choose([...field.files]));
  folderField.addEventListener("change", () => choose([...folderField.files]));
  part("choose-folder").hidden = !("webkitdirectory" in HTMLInputElement.prototype && globalThis.tus?.isSupported);
  part("choose-folder").addEventListener("click", () => folderField.click());
  part("pause").addEventListener("click", () => pause(words.paused, false));
  part("resume").addEventListener("click", resume);
  part("cancel").addEventListener("click", cancel);
  addEventListener("offline", () => {
    if (batch && !batch.still && !part("buttons").hidden) pause(words.lost, true);
  });
  addEventListener("online", () => { if (batch?.still && batch.waits) resume(); });
  let depth = 0;
  const over = (on) => drop.toggleAttribute("data-over", on);
  document.addEventListener("dragenter", (event) => { if (carriesFiles(event)) { depth += 1; over(true); } });
  document.addEventListener("dragleave", (event) => { if (carriesFiles(event)) { depth -= 1; over(depth > 0); } });
  document.addEventListener("dragover", (event) => { if (carriesFiles(event)) event.preventDefault(); });
  document.addEventListener("drop", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    depth = 0;
    over(false);
    if (batch) return;
    const folder = globalThis.tus?.isSupported && folders.dropped(event.dataTransfer, Number(words.maxFiles));
    if (folder) { sendFolder(folder); return; }
    field.files = event.dataTransfer.files;
    send([...field.files]);
  });
}
