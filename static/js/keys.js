// Keys: Ctrl/Cmd+K, ?, /, j and k over [data-row], Enter, G and a letter. Silent while typing.
// A row is <tr data-row> (or any element) with a link in it, or with data-href.
(() => {
  const shown = (node) => node.getClientRects().length > 0;
  const rows = () => [...document.querySelectorAll("[data-row]")].filter(shown);
  const current = () => document.querySelector("[data-row][data-at]");
  let goUntil = 0;

  const move = (step) => {
    const all = rows();
    if (!all.length) return;
    const at = all.indexOf(current());
    const next = all[Math.min(Math.max(at + step, 0), all.length - 1)];
    current()?.removeAttribute("data-at");
    next.setAttribute("data-at", "");
    if (!next.hasAttribute("tabindex")) next.tabIndex = -1;
    next.focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
  };

  const openRow = (row) => {
    const link = row.querySelector("a[data-row-link], a[href]");
    if (row.dataset.href) location.assign(row.dataset.href);
    else link?.click();
  };

  const go = (letter) => {
    const link = document.querySelector(`[data-go="${CSS.escape(letter)}"]`);
    if (link) location.assign(link.href);
  };

  const single = (event) => {
    if (Date.now() < goUntil) { goUntil = 0; go(event.key.toLowerCase()); return true; }
    switch (event.key) {
      case "?": Misfire.open("keys"); return true;
      case "/": {
        const filter = document.querySelector("[data-filter]");
        if (filter) filter.focus(); else Misfire.open("palette");
        return true;
      }
      case "j": move(1); return true;
      case "k": move(-1); return true;
      case "g": goUntil = Date.now() + 1200; return true;
      case "Enter":
        if (document.activeElement !== current() || !current()) return false;
        openRow(current());
        return true;
      default: return false;
    }
  };

  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey && event.key.toLowerCase() === "k") {
      event.preventDefault();
      Misfire.open("palette");
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (Misfire.isTyping(event.composedPath()[0])) {
      if (event.key === "Escape" && event.target.matches("[data-filter]")) event.target.blur();
      return;
    }
    if (document.querySelector("dialog[open]")) return;
    if (single(event)) event.preventDefault();
  });

  // Rows are clickable as a whole; links, fields and selected text in them keep their own meaning.
  document.addEventListener("click", (event) => {
    const row = event.target.closest("[data-row]");
    if (!row || event.defaultPrevented || event.target.closest("a, button, input, select, textarea, label, summary")) return;
    if (!String(getSelection())) openRow(row);
  });
})();
