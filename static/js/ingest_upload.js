// Uploads a file in pieces of whole lines, one after the other, and tells how it goes.
(() => {
  const form = document.getElementById("upload");
  if (!form) return;
  const [box, said, errors] = ["[data-progress]", "[data-said]", "[data-errors]"].map((name) => form.querySelector(name));
  const bar = box.querySelector("progress"), stop = form.querySelector("[data-stop]");
  const PIECE = 4 * 1024 * 1024, LARGEST = Number(form.dataset.largest);
  let stopped = false;

  const isWhole = async (file) => {
    const head = new Uint8Array(await file.slice(0, 64).arrayBuffer());
    const first = head.find((byte) => byte > 32);
    return (head[0] === 0x1f && head[1] === 0x8b) || first === 0x5b;
  };

  // Up to the last line end within a piece, and how many lines that are.
  const cut = async (file, start) => {
    for (let size = PIECE; ; size *= 2) {
      const end = Math.min(start + size, file.size);
      const bytes = new Uint8Array(await file.slice(start, end).arrayBuffer());
      const last = end === file.size ? bytes.length : bytes.lastIndexOf(10) + 1;
      if (last || size > LARGEST) {
        let lines = 0;
        for (let at = 0; at < last; at += 1) lines += bytes[at] === 10;
        return { body: bytes.subarray(0, last || bytes.length), next: start + (last || bytes.length), lines };
      }
    }
  };

  const send = async (file, line, body) => {
    const query = new URLSearchParams({ name: file.name, line });
    const headers = { "Content-Type": "application/octet-stream", "X-CSRFToken": form.elements.csrfmiddlewaretoken.value, Accept: "application/json" };
    const answer = await fetch(`${form.dataset.url}?${query}`, { method: "POST", headers, body });
    const told = await answer.json().catch(() => ({ detail: `The server answered ${answer.status}.` }));
    if (!answer.ok) throw new Error(told.detail);
    return told;
  };

  const total = () => ({ sent: 0, stored: 0, duplicate: 0, rejected: 0, quarantined: 0 });
  const tell = (sums, done, size, since) => {
    const seconds = (performance.now() - since) / 1000, rate = sums.sent / seconds;
    const rest = done ? Math.round(seconds * (size - done) / done) : 0;
    bar.value = size ? 100 * done / size : 100;
    said.textContent = `${sums.sent} sent: ${sums.stored} stored, ${sums.duplicate} duplicate, ${sums.rejected} rejected, ${sums.quarantined} quarantined. ${Math.round(rate)} a second${done < size ? `, about ${rest} s left` : ""}.`;
  };
  const list = (found) => {
    for (const { line, code, detail } of found.slice(0, 20 - errors.children.length)) {
      const item = document.createElement("li");
      item.textContent = `Line ${line}: ${code}. ${detail}`;
      errors.append(item);
    }
  };

  const upload = async (file) => {
    const sums = total(), since = performance.now();
    if (await isWhole(file)) {
      if (file.size > LARGEST) throw new Error(`A compressed file or one array may have ${LARGEST} bytes here. Use manage.py ingest.`);
      const told = await send(file, 1, file);
      for (const name in sums) sums[name] += told[name];
      list(told.errors);
      tell(sums, file.size, file.size, since);
      return;
    }
    for (let start = 0, line = 1; start < file.size && !stopped;) {
      const piece = await cut(file, start);
      const told = await send(file, line, piece.body);
      for (const name in sums) sums[name] += told[name];
      list(told.errors);
      start = piece.next;
      line += piece.lines;
      tell(sums, start, file.size, since);
    }
  };

  stop.addEventListener("click", () => { stopped = true; });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const file = form.elements.file.files[0];
    if (!file) return;
    const button = form.querySelector("[type=submit]");
    stopped = false;
    errors.replaceChildren();
    button.disabled = true;
    box.hidden = stop.hidden = false;
    bar.value = 0;
    said.textContent = "Sending.";
    try {
      await upload(file);
      if (stopped) said.textContent += " Stopped; upload the file again to go on.";
    } catch (error) {
      said.textContent += ` ${error.message}`;
    }
    button.disabled = false;
    stop.hidden = true;
  });
})();
