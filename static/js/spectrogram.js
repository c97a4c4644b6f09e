// A picture of each sound beside its player: time to the right, tones upwards, louder is stronger. Drawn here when it comes
// into view, so that the site need not decode anything; without script, or for a sound that cannot be decoded, there is none.
const RATE = 16000, WINDOW = 512, COLUMNS = 320, BANDS = 64, DECIBELS = 70, LARGEST_BYTES = 20e6;

const hann = Float32Array.from({ length: WINDOW }, (_, at) => 0.5 - 0.5 * Math.cos((2 * Math.PI * at) / WINDOW));
const mel = (hertz) => 2595 * Math.log10(1 + hertz / 700);
const hertz = (value) => 700 * (10 ** (value / 2595) - 1);
const edges = Array.from({ length: BANDS + 1 }, (_, at) => Math.floor((hertz((at / BANDS) * mel(RATE / 2)) * WINDOW) / RATE));

// Fast Fourier transform in place, the powers of the lower half (Cooley and Tukey, 1965).
const powers = (real) => {
  const imaginary = new Float32Array(WINDOW);
  for (let at = 1, mirrored = 0; at < WINDOW; at++) {
    let bit = WINDOW >> 1;
    for (; mirrored & bit; bit >>= 1) mirrored ^= bit;
    mirrored ^= bit;
    if (at < mirrored) [real[at], real[mirrored]] = [real[mirrored], real[at]];
  }
  for (let size = 2; size <= WINDOW; size *= 2) {
    for (let step = 0; step < size / 2; step++) {
      const angle = (-2 * Math.PI * step) / size, cosine = Math.cos(angle), sine = Math.sin(angle);
      for (let low = step; low < WINDOW; low += size) {
        const high = low + size / 2;
        const x = real[high] * cosine - imaginary[high] * sine, y = real[high] * sine + imaginary[high] * cosine;
        real[high] = real[low] - x; imaginary[high] = imaginary[low] - y;
        real[low] += x; imaginary[low] += y;
      }
    }
  }
  return real.slice(0, WINDOW / 2).map((value, at) => value * value + imaginary[at] * imaginary[at]);
};

// Decibels below the loudest, a column after another, low tones first.
const levels = (samples) => {
  const found = new Float32Array(COLUMNS * BANDS);
  const hop = Math.max(0, samples.length - WINDOW) / Math.max(1, COLUMNS - 1);
  for (let column = 0; column < COLUMNS; column++) {
    const frame = new Float32Array(WINDOW);
    frame.set(samples.subarray(Math.round(column * hop), Math.round(column * hop) + WINDOW));
    const power = powers(frame.map((value, at) => value * hann[at]));
    for (let band = 0; band < BANDS; band++) {
      const strongest = Math.max(...power.subarray(edges[band], Math.max(edges[band] + 1, edges[band + 1])));
      found[column * BANDS + band] = 10 * Math.log10(strongest + 1e-10);
    }
  }
  const loudest = found.reduce((most, value) => Math.max(most, value), -100);
  return found.map((value) => value - loudest);
};

const paint = (canvas, found) => {
  const context = canvas.getContext("2d");
  context.fillStyle = getComputedStyle(canvas).color;
  context.fillRect(0, 0, 1, 1);
  const [red, green, blue] = context.getImageData(0, 0, 1, 1).data;
  const image = context.createImageData(COLUMNS, BANDS);
  for (let column = 0; column < COLUMNS; column++) {
    for (let band = 0; band < BANDS; band++) {
      const strength = Math.max(0, 1 + found[column * BANDS + band] / DECIBELS);
      image.data.set([red, green, blue, 255 * strength * strength], 4 * ((BANDS - 1 - band) * COLUMNS + column));
    }
  }
  context.putImageData(image, 0, 0);
};

const draw = async (audio, bytes) => {
  const canvas = audio.previousElementSibling?.matches("canvas.spectrogram") ? audio.previousElementSibling : document.createElement("canvas");
  try {
    const buffer = await new OfflineAudioContext(1, 1, RATE).decodeAudioData(await bytes);
    const found = levels(buffer.getChannelData(0));
    Object.assign(canvas, { width: COLUMNS, height: BANDS, className: "spectrogram" });
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", audio.dataset.spectrogram);
    audio.before(canvas);
    paint(canvas, found);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => paint(canvas, found));
  } catch { canvas.remove(); }
};

const fetched = async (address) => {
  if (address.startsWith("data:")) return Uint8Array.from(atob(address.slice(address.indexOf(",") + 1)), (letter) => letter.charCodeAt(0)).buffer;
  const answer = await fetch(address);
  if (!answer.ok || Number(answer.headers.get("Content-Length")) > LARGEST_BYTES) throw new Error("not to be drawn");
  return answer.arrayBuffer();
};

const seen = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (!isIntersecting) continue;
    seen.unobserve(target);
    draw(target, fetched(target.getAttribute("src")));
  }
}, { rootMargin: "200px" });

// A file that was chosen here comes by "given": its address (blob:) may not be fetched.
const look = (root) => root.querySelectorAll?.('audio[data-spectrogram][src]:not([src^="blob:"])').forEach((audio) => seen.observe(audio));

look(document);
document.addEventListener("htmx:load", (event) => look(event.target));
document.addEventListener("given", (event) => {
  if (event.target.matches("audio[data-spectrogram]")) draw(event.target, event.detail.arrayBuffer());
});
