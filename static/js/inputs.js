// Pictures and sounds for a model: drop, paste, camera, microphone. Without script their file inputs work alone.
// LONGEST_SECONDS: what speech is heard of at most (trainer/engines/windows.py), 9.6 MB as 16-bit PCM.
const RATE = 16000, LONGEST_SECONDS = 300, SIDE = 2048;

const put = (input, file) => {
  const files = new DataTransfer();
  files.items.add(file);
  input.files = files.files;
  input.dispatchEvent(new Event("change", { bubbles: true }));
};

// A photo beyond the limit is made smaller here: nobody has to know how.
const smaller = async (file) => {
  const bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
  const scale = Math.min(1, SIDE / Math.max(bitmap.width, bitmap.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(bitmap.width * scale);
  canvas.height = Math.round(bitmap.height * scale);
  canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  return jpeg(canvas, file.name);
};

const jpeg = (canvas, name) => new Promise((done, failed) => {
  canvas.toBlob((blob) => {
    if (blob) done(new File([blob], `${name.replace(/\.\w+$/, "")}.jpg`, { type: "image/jpeg" }));
    else failed(new Error("no picture"));
  }, "image/jpeg", 0.92);
});

// 16-bit PCM, one channel.
const wav = (samples) => {
  const view = new DataView(new ArrayBuffer(44 + 2 * samples.length));
  const text = (at, word) => [...word].forEach((letter, index) => view.setUint8(at + index, letter.charCodeAt(0)));
  text(0, "RIFF"); view.setUint32(4, 36 + 2 * samples.length, true); text(8, "WAVEfmt ");
  view.setUint32(16, 16, true); view.setUint16(20, 1, true); view.setUint16(22, 1, true);
  view.setUint32(24, RATE, true); view.setUint32(28, 2 * RATE, true); view.setUint16(32, 2, true); view.setUint16(34, 16, true);
  text(36, "data"); view.setUint32(40, 2 * samples.length, true);
  samples.forEach((value, index) => view.setInt16(44 + 2 * index, 32767 * Math.max(-1, Math.min(1, value)), true));
  return new File([view.buffer], "recording.wav", { type: "audio/wav" });
};

const resample = async (blocks, rate) => {
  const length = blocks.reduce((sum, block) => sum + block.length, 0);
  const whole = new Float32Array(length);
  let at = 0;
  for (const block of blocks) { whole.set(block, at); at += block.length; }
  if (rate === RATE || !length) return whole;
  const context = new OfflineAudioContext(1, Math.ceil((length * RATE) / rate), RATE);
  const buffer = context.createBuffer(1, length, rate);
  buffer.copyToChannel(whole, 0);
  const source = context.createBufferSource();
  source.buffer = buffer;
  source.connect(context.destination);
  source.start();
  return (await context.startRendering()).getChannelData(0);
};

class FileInput {
  constructor(root) {
    this.root = root;
    this.input = root.querySelector("input[type=file]");
    this.most = Number(root.dataset.maxBytes);
    this.preview = this.part("preview");
    this.input.addEventListener("change", () => this.changed());
    this.preview.addEventListener("error", () => this.unshown());
    const drop = root.querySelector(".drop");
    for (const name of ["dragover", "dragleave", "drop"]) drop.addEventListener(name, (event) => this.dragged(event, drop));
    if (navigator.mediaDevices?.getUserMedia && window.isSecureContext) this.part("tools").hidden = false;
  }

  part(name) { return this.root.querySelector(`[data-part=${name}]`); }

  fault(words) {
    this.part("fault").textContent = words;
    this.part("fault").hidden = !words;
  }

  dragged(event, drop) {
    event.preventDefault();
    if (event.type === "dragover") drop.dataset.over = "";
    else delete drop.dataset.over;
    if (event.type === "drop" && event.dataTransfer.files.length) put(this.input, event.dataTransfer.files[0]);
  }

  async changed() {
    const [file] = this.input.files;
    if (!file) return;
    this.fault("");
    if (file.size > this.most) return this.tooLarge(file);
    if (this.address) URL.revokeObjectURL(this.address);
    this.address = URL.createObjectURL(file);
    this.preview.src = this.address;
    this.preview.hidden = false;
    this.part("name").textContent = file.name;
    this.shown?.();
    await this.ready?.();
    this.preview.dispatchEvent(new CustomEvent("given", { bubbles: true, detail: file }));
  }

  async tooLarge() {
    this.input.value = "";
    this.fault(this.root.dataset.large);
  }

  // What the browser cannot show keeps its name: the model may read it all the same, or says why not.
  unshown() {
    this.preview.hidden = true;
    const words = this.part("words");
    if (words) words.hidden = false;
  }

  forget() {
    this.input.value = "";
    this.preview.hidden = true;
    this.preview.removeAttribute("src");
    this.root.querySelector("canvas.spectrogram")?.remove();
    const words = this.part("words");
    if (words) words.hidden = false;
  }
}

class PictureInput extends FileInput {
  constructor(root) {
    super(root);
    this.part("camera").addEventListener("click", () => this.open());
    this.part("take").addEventListener("click", () => this.take());
    this.part("close").addEventListener("click", () => this.close());
    document.addEventListener("paste", (event) => {
      const file = [...(event.clipboardData?.files ?? [])].find((one) => one.type.startsWith("image/"));
      if (file) put(this.input, file);
    });
  }

  shown() { this.part("words").hidden = true; }

  async tooLarge(file) {
    try { put(this.input, await smaller(file)); } catch { await super.tooLarge(file); }
  }

  async open() {
    this.fault("");
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    } catch { return this.fault(this.root.dataset.refused); }
    const video = this.part("video");
    video.srcObject = this.stream;
    await video.play();
    this.part("viewer").hidden = false;
    this.part("tools").hidden = this.root.querySelector(".drop").hidden = true;
    this.part("take").focus();
  }

  async take() {
    const video = this.part("video"), canvas = document.createElement("canvas");
    canvas.width = video.videoWidth;
    canvas.height = video.videoHeight;
    canvas.getContext("2d").drawImage(video, 0, 0);
    const file = await jpeg(canvas, "camera.jpg");
    this.close();
    put(this.input, file);
  }

  close() {
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.part("viewer").hidden = true;
    this.part("tools").hidden = this.root.querySelector(".drop").hidden = false;
    this.part("camera").focus();
  }
}

class SoundInput extends FileInput {
  // What draws a sound is fetched with the first sound; without it the player is there all the same.
  async ready() { await import(this.root.dataset.drawer).catch(() => {}); }

  constructor(root) {
    super(root);
    this.part("record").addEventListener("click", () => this.record());
    this.part("stop").addEventListener("click", () => this.stop());
  }

  async record() {
    this.fault("");
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1 } });
      this.context = new AudioContext();
      await this.context.audioWorklet.addModule(this.root.dataset.worklet);
    } catch { return this.fault(this.root.dataset.refused); }
    this.blocks = [];
    this.samples = 0;
    const node = new AudioWorkletNode(this.context, "recorder", { numberOfOutputs: 0 });
    node.port.addEventListener("message", ({ data }) => this.heard(data));
    node.port.start();
    this.context.createMediaStreamSource(this.stream).connect(node);
    this.part("record").hidden = true;
    this.part("stop").hidden = false;
    this.part("stop").focus();
    this.tell("recording");
  }

  heard(block) {
    if (!this.context) return;
    this.blocks.push(block);
    const before = Math.floor(this.samples / this.context.sampleRate);
    this.samples += block.length;
    const seconds = this.samples / this.context.sampleRate;
    if (Math.floor(seconds) > before) this.tell("recording");
    if (seconds >= LONGEST_SECONDS) this.stop();
  }

  tell(words) {
    const seconds = Math.floor(this.samples / (this.context?.sampleRate ?? this.rate));
    this.part("clock").textContent = this.root.dataset[words].replace("{n}", seconds).replace("{left}", LONGEST_SECONDS - seconds);
  }

  async stop() {
    const { context } = this;
    if (!context) return;
    this.context = null;
    this.rate = context.sampleRate;
    for (const track of this.stream.getTracks()) track.stop();
    await context.close();
    this.part("record").hidden = false;
    this.part("stop").hidden = true;
    this.part("record").focus();
    this.tell("recorded");
    put(this.input, wav(await resample(this.blocks, this.rate)));
  }
}

const KINDS = { image: PictureInput, audio: SoundInput };
const fileInputs = [...document.querySelectorAll("[data-give]")].map((root) => new KINDS[root.dataset.give](root));

// An example takes the place of what was chosen: it is answered at once, and stays chosen for the next press of Ask.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-example]");
  if (!button) return;
  for (const fileInput of fileInputs) fileInput.forget();
  const fileInput = fileInputs[0], address = button.dataset.file;
  if (!fileInput || !address) return;
  const answer = await fetch(address);
  if (!answer.ok) return;
  const content = await answer.blob();
  put(fileInput.input, new File([content], `${button.value}.${content.type.split("/")[1] ?? "bin"}`, { type: content.type }));
});

// The browser still has the picture that an answer is about.
document.addEventListener("htmx:afterSwap", () => {
  const shown = fileInputs.find((fileInput) => fileInput instanceof PictureInput && fileInput.address);
  for (const image of document.querySelectorAll("image[data-own]")) if (shown) image.setAttribute("href", shown.address);
});
