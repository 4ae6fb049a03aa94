// The editor of a post-mortem: kept as it is typed, previewed, and never over another's writing.
(() => {
  const WAIT = 1200;
  const page = document.getElementById("pm-edit");
  const area = document.getElementById("text");
  const status = document.getElementById("kept");
  const conflict = document.getElementById("conflict");
  const { base, revision } = page.elements;
  let kept = base.value;
  let timer = 0;
  let looking = 0;
  let sending = null;
  let stopped = Boolean(conflict.firstElementChild);

  const preview = () => htmx.ajax("POST", page.dataset.preview, { target: "#preview", values: { text: area.value } });

  // What another saved stands beside what was typed; nothing more is sent until a person chose.
  const stop = (detail) => {
    stopped = true;
    status.textContent = `Not kept. ${detail}`;
    htmx.ajax("POST", page.dataset.compare, { target: "#conflict", values: { text: area.value, base: base.value } });
  };

  const send = () => { sending ??= exchange().finally(() => { sending = null; changed(); }); };

  const exchange = async () => {
    const sent = area.value;
    const body = new URLSearchParams({ text: sent, revision: revision.value });
    try {
      const response = await fetch(page.dataset.save, { method: "POST", headers: { "x-csrftoken": Misfire.csrf(), accept: "application/json" }, body });
      const answer = await response.json();
      if (response.status === 409) stop(answer.detail);
      else if (!response.ok) throw new Error(response.status === 401 ? "signed out: sign in again in another tab" : answer.detail || `error ${response.status}`);
      else {
        kept = base.value = sent;
        revision.value = answer.revision;
        status.textContent = `Kept as version ${answer.version}, ${new Date(answer.saved_at).toISOString().slice(11, 19)} UTC`;
      }
    } catch (error) {
      status.textContent = `Not kept (${error.message}); tried again in a moment`;
      if (!stopped) timer = setTimeout(send, 5 * WAIT);
    }
  };

  const changed = () => {
    clearTimeout(timer);
    if (!stopped && area.value !== kept) timer = setTimeout(send, WAIT);
  };

  area.addEventListener("input", () => {
    changed();
    clearTimeout(looking);
    looking = setTimeout(preview, 500);
  });

  conflict.addEventListener("click", (event) => {
    const choice = event.target.closest("[data-take]")?.dataset.take;
    if (!choice) return;
    const theirs = conflict.querySelector("[data-theirs]");
    if (choice === "theirs") area.value = theirs.value;
    if (choice === "merged") area.value = conflict.querySelector("[data-merged]").value;
    kept = base.value = theirs.value;
    revision.value = theirs.dataset.revision;
    conflict.replaceChildren();
    stopped = false;
    status.textContent = choice === "theirs" ? "Theirs is in the editor" : "Chosen; kept in a moment";
    preview();
    changed();
    area.focus();
  });

  document.querySelector(".pm-f").addEventListener("click", (event) => {
    const name = event.target.closest("[data-reference]")?.dataset.reference;
    if (!name) return;
    area.setRangeText(`{{${name}}}`, area.selectionStart, area.selectionEnd, "end");
    area.dispatchEvent(new Event("input"));
    area.focus();
  });

  // A form that is sent meets what is on its way: it waits, so that it does not meet itself.
  page.addEventListener("submit", (event) => {
    clearTimeout(timer);
    if (!sending) { stopped = true; return; }
    event.preventDefault();
    sending.then(() => { if (!stopped) page.requestSubmit(); });
  });
  window.addEventListener("beforeunload", (event) => { if (!stopped && area.value !== kept) event.preventDefault(); });
})();
