// Keeps what is typed in the editor as a draft, and never over another's writing.
//   const keeper = Misfire.draftKeeper(page, () => text);  keeper.changed();  keeper.isKept()
(() => {
  const WAIT = 1200;

  Misfire.draftKeeper = (page, read) => {
    const status = document.getElementById("kept");
    const conflict = document.getElementById("conflict");
    const { note, base, revision } = page.elements;
    let timer = 0;
    let sending = null;
    let again = false;
    let kept = JSON.stringify([read(), note.value]);
    let stopped = false;

    const now = () => JSON.stringify([read(), note.value]);

    const tell = (draft) => {
      const at = new Date(draft.saved_at).toISOString().slice(11, 19);
      status.textContent = `Kept as draft ${draft.id}, ${at} UTC`;
    };

    const stop = (detail) => {
      stopped = true;
      conflict.hidden = false;
      conflict.querySelector("p > span").textContent = detail;
      status.textContent = "Not kept";
    };

    // The first time, the page becomes that of the draft.
    const settle = (draft) => {
      revision.value = draft.revision;
      if (!page.dataset.save) {
        page.dataset.save = draft.save;
        page.action = draft.url;
        document.getElementById("draft-name").textContent = `draft ${draft.id}`;
        conflict.querySelector("a").href = draft.url;
        history.replaceState(null, "", draft.url);
      }
      tell(draft);
    };

    const send = () => {
      if (sending) again = true;
      else sending = exchange().finally(() => {
        sending = null;
        if (again && !stopped) { again = false; send(); }
      });
    };

    const exchange = async () => {
      const sent = now();
      const body = new URLSearchParams({ definition: read(), note: note.value, base: base.value, revision: revision.value, tool: page.dataset.tool || "" });
      try {
        const response = await fetch(page.dataset.save || page.dataset.start, { method: "POST", headers: { "x-csrftoken": Misfire.csrf(), accept: "application/json" }, body });
        const answer = await response.json();
        if (response.status === 409) stop(answer.detail);
        else if (!response.ok) throw new Error(response.status === 401 ? "signed out: sign in again in another tab" : answer.detail || `error ${response.status}`);
        else { kept = sent; settle(answer); }
      } catch (error) {
        status.textContent = `Not kept (${error.message})`;
        if (!stopped) timer = setTimeout(send, 5 * WAIT);
      }
    };

    // A form that is sent meets what is on its way: it waits, so that it does not meet itself.
    page.addEventListener("submit", (event) => {
      clearTimeout(timer);
      stopped = true;
      if (!sending) return;
      event.preventDefault();
      sending.then(() => page.requestSubmit(event.submitter));
    });

    const changed = () => {
      clearTimeout(timer);
      if (stopped || now() === kept) return;
      timer = setTimeout(send, WAIT);
    };
    note.addEventListener("input", changed);
    return { changed, isKept: () => now() === kept };
  };
})();
