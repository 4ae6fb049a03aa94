// A replay's page: a cell opens beside the matrix, R and W settle it, J and K go through the cases.
// The chosen case stays in the address; without this script every cell is a plain link.
(() => {
  const beside = () => document.getElementById("rp-beside");
  const chosen = () => beside()?.querySelector(".drawer-b");

  const mark = () => {
    const body = chosen();
    document.getElementById("rp-split")?.classList.toggle("open", Boolean(body));
    if (beside()) beside().hidden = !body;
    for (const row of document.querySelectorAll("tr[data-case]")) {
      const isHere = row.dataset.case === body?.dataset.case;
      row.toggleAttribute("aria-current", isHere);
      for (const cell of row.querySelectorAll(".cell")) {
        cell.toggleAttribute("aria-current", isHere && cell.dataset.variant === body?.dataset.variant);
      }
    }
  };

  const open = async (address) => {
    const url = new URL(address, location.href);
    await htmx.ajax("GET", url.pathname + url.search, { target: "#rp-beside" });
    history.replaceState(history.state, "", url.pathname + url.search);
    mark();
  };

  const close = () => {
    beside().replaceChildren();
    const url = new URL(location.href);
    for (const name of ["case", "variant", "with", "trial"]) url.searchParams.delete(name);
    history.replaceState(history.state, "", url);
    mark();
  };

  const step = (by) => {
    const rows = [...document.querySelectorAll("tr[data-case]")];
    const body = chosen();
    const at = rows.findIndex((row) => row.dataset.case === body?.dataset.case);
    const next = rows[at + by];
    const cell = next?.querySelector(`.cell[data-variant="${CSS.escape(body.dataset.variant)}"]`);
    if (!cell) return;
    next.scrollIntoView({ block: "nearest" });
    open(cell.href);
  };

  document.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    const link = event.target.closest("[data-cell], [data-beside]");
    const stepper = event.target.closest("#rp-beside [data-step]");
    if (link) { event.preventDefault(); open(link.href); }
    else if (stepper) step(Number(stepper.dataset.step));
    else if (event.target.closest("[data-beside-close]")) { event.preventDefault(); close(); }
  });

  // Settling and answering show the case anew, and tell the matrix to look again.
  document.addEventListener("submit", (event) => {
    const form = event.target.closest("[data-beside-form]");
    if (!form) return;
    event.preventDefault();
    htmx.ajax("POST", form.action, {
      target: "#rp-beside", values: Object.fromEntries(new FormData(form)),
    }).then(mark);
  });

  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
  });

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !chosen()) return;
    if (Misfire.isTyping(event.composedPath()[0]) || document.querySelector("dialog[open], details.menu[open]")) return;
    const said = { r: "right", w: "wrong" }[event.key];
    if (event.key === "j" || event.key === "k") step(event.key === "j" ? 1 : -1);
    else if (event.key === "Escape") close();
    else if (said && !event.defaultPrevented) beside().querySelector(`form[data-said="${said}"]`)?.requestSubmit();
  });

  document.body.addEventListener("htmx:afterSwap", mark);
  document.body.addEventListener("htmx:configRequest", (event) => {
    // The matrix is read anew by the address as it is now.
    if (event.detail.elt.id === "rp-live") event.detail.path = location.pathname + location.search;
  });
  mark();
})();
