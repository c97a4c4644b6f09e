// A folder as one tar made of slices of its files: nothing is copied into memory, one upload carries ten thousand pictures, and
// the same folder gives the same bytes, so that the upload resumes after a reload. Used by upload.js.
const BLOCK = 512;
// What operating systems and editors leave behind goes by name alone, so that the reader counts it (trainer/data/archives.py).
const HIDDEN = /(^|\/)(__MACOSX|\.git|\.svn|\.ipynb_checkpoints|@eaDir)\/|(^|\/)(\.[^/]*|Thumbs\.db|desktop\.ini)$/i;
const ARCHIVE = /\.(zip|tar|tgz|tbz2?|txz|tar\.\w+)$/i;
const encoder = new TextEncoder();
const packed = new WeakMap(); // {items, ends, print} by the tar that was made

const octal = (number, width) => `${number.toString(8).padStart(width - 1, "0")}\0`;

// One header of the ustar format. `type`: 0 a file, 5 a folder, L a name that is too long for one.
const block = (name, size, seconds, type) => {
  const bytes = new Uint8Array(BLOCK);
  const put = (text, at) => bytes.set(encoder.encode(text), at);
  bytes.set(name.subarray(0, 100), 0);
  put(`${octal(0o644, 8)}${octal(0, 8)}${octal(0, 8)}${octal(size, 12)}${octal(seconds, 12)}        ${type}`, 100);
  put("ustar\x0000", 257);
  put(`${octal(bytes.reduce((sum, byte) => sum + byte, 0), 7)} `, 148);
  return bytes;
};

const padded = (size) => Math.ceil(size / BLOCK) * BLOCK;

const headersOf = (path, size, seconds, type) => {
  const name = encoder.encode(path);
  if (name.length <= 100) return [block(name, size, seconds, type)];
  const long = new Uint8Array(padded(name.length + 1));
  long.set(name);
  return [block(encoder.encode("././@LongLink"), name.length + 1, 0, "L"), long, block(name, size, seconds, type)];
};

// 53 bits of a text (cyrb53): an upload is found again by it; crypto.subtle is not there on a plain http address.
const digest = (text) => {
  let [one, two] = [0xdeadbeef, 0x41c6ce57];
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    one = Math.imul(one ^ code, 2654435761);
    two = Math.imul(two ^ code, 1597334677);
  }
  one = Math.imul(one ^ (one >>> 16), 2246822507) ^ Math.imul(two ^ (two >>> 13), 3266489909);
  two = Math.imul(two ^ (two >>> 16), 2246822507) ^ Math.imul(one ^ (one >>> 13), 3266489909);
  return (4294967296 * (2097151 & two) + (one >>> 0)).toString(16);
};

// `items`: {path, file}, a path that ends with / and no file for an empty folder.
const pack = (items, name) => {
  const sorted = items.toSorted((one, other) => (one.path < other.path ? -1 : 1));
  const [parts, ends, said] = [[], [], []];
  let size = 0;
  const add = (piece, length) => { parts.push(piece); size += length; };
  for (const { path, file } of sorted) {
    const length = !file || HIDDEN.test(path) ? 0 : file.size;
    const seconds = file ? Math.max(Math.floor(file.lastModified / 1000), 0) : 0;
    for (const header of headersOf(path, length, seconds, file ? "0" : "5")) add(header, header.length);
    if (length) add(file, length);
    if (padded(length) > length) add(new Uint8Array(padded(length) - length), padded(length) - length);
    ends.push(size);
    said.push(`${path}\0${length}\0${file?.lastModified}`);
  }
  add(new Uint8Array(2 * BLOCK), 2 * BLOCK);
  const tar = new File(parts, `${name}.tar`, { type: "application/x-tar", lastModified: 0 });
  packed.set(tar, { items: sorted, ends, print: `folder-${digest(said.join("\n"))}-${size}` });
  return tar;
};

// The name in the first place with a number behind it, if another has it already.
const unused = (name, taken) => {
  const [, stem, ending] = /^(.*?)(\.[^.]*)?$/s.exec(name);
  let other = name;
  for (let number = 2; taken.has(other); number += 1) other = `${stem} (${number})${ending ?? ""}`;
  taken.add(other);
  return other;
};

const entriesIn = async (folder) => {
  const reader = folder.createReader();
  const entries = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => { reader.readEntries(resolve, reject); });
    if (!some.length) return entries; // it gives at most a hundred at a time
    entries.push(...some);
  }
};

const walk = async (entry, path, items) => {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => { entry.file(resolve, reject); });
    items.push({ path, file });
    return;
  }
  const inside = await entriesIn(entry);
  if (!inside.length) items.push({ path: `${path}/` });
  for (const one of inside) await walk(one, `${path}/${one.name}`, items);
};

const filled = (items) => items.some(({ path, file }) => file && !HIDDEN.test(path));

// What is sent for files with their paths: one tar, and beside it the archives among them and up to `most` files of no folder.
const arrange = (items, names, most) => {
  const apart = items.filter(({ path, file }) => file && ARCHIVE.test(path) && !HIDDEN.test(path));
  const loose = items.filter((item) => !item.path.includes("/") && !apart.includes(item));
  const alone = apart.length + loose.length < most ? [...loose, ...apart] : apart;
  const inside = items.filter((item) => !alone.includes(item));
  const tar = filled(inside) ? [pack(inside, names.slice(0, 3).join(", ").slice(0, 100) || "files")] : [];
  return [...tar, ...alone.map(({ file }) => file)];
};

// What was dropped: {files, renamed, empty}, or null where no folder is among it. Call it in the drop event itself.
const dropped = (transfer, most) => {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  const folders = entries.filter((entry) => entry.isDirectory);
  if (!folders.length && entries.length <= most) return null;
  return (async () => {
    const [taken, items, renamed] = [new Set(), [], []];
    for (const entry of entries) {
      const name = unused(entry.name, taken);
      if (name !== entry.name) renamed.push([entry.name, name]);
      await walk(entry, name, items);
    }
    return { files: arrange(items, folders.map((entry) => entry.name), most), renamed, empty: filled(items) ? "" : entries[0].name };
  })();
};

// What was chosen as a folder, or as more files than are sent one by one.
const chosen = (files, most) => {
  const items = files.map((file) => ({ path: file.webkitRelativePath || file.name, file }));
  const folder = items[0].path.includes("/") ? [items[0].path.split("/")[0]] : [];
  return { files: arrange(items, folder, most), renamed: [], empty: filled(items) ? "" : items[0].path.split("/")[0] };
};

// Which of the packed files a byte of the tar belongs to: {place, count, path}; null for what is not a packed folder.
const placeOf = (tar, byte) => {
  const known = packed.get(tar);
  if (!known) return null;
  let [low, high] = [0, known.ends.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (known.ends[middle] <= byte) low = middle + 1;
    else high = middle;
  }
  return { place: low + 1, count: known.items.length, path: known.items[low].path };
};

// The first file that cannot be read any more, as it was moved or changed after it was chosen; "" for none.
const unreadable = async (file) => {
  for (const { path, file: one } of packed.get(file)?.items ?? [{ path: file.name, file }]) {
    if (one && !(await one.slice(0, 1).arrayBuffer().then(() => true, () => false))) return path;
  }
  return "";
};

globalThis.folders = { chosen, dropped, placeOf, unreadable, printOf: (tar) => packed.get(tar)?.print };
