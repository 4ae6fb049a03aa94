// The command palette: one list of {kind, label, url, icon, hint}, fetched when first opened.
(() => {
  const dialog = document.getElementById("palette");
  if (!dialog) return;
  const field = document.getElementById("palette-q");
  const list = document.getElementById("palette-list");
  const none = document.getElementById("palette-none");
  const SHOWN = 40;
  let entries = null;
  let at = 0;

  // All letters of the query in order; a run, a word's start and an early match weigh more. 0 is no match.
  const score = (text, query) => {
    const low = text.toLowerCase();
    let total = 1, from = 0, last = -2;
    for (const letter of query) {
      if (letter === " ") continue;
      const found = low.indexOf(letter, from);
      if (found < 0) return 0;
      total += found === last + 1 ? 5 : 1;
      if (found === 0 || /[\s_\-/.]/.test(low[found - 1])) total += 4;
      last = found;
      from = found + 1;
    }
    return total + (low.startsWith(query) ? 20 : low.includes(query) ? 10 : 0) - low.length / 100;
  };

  const option = (entry, index) => {
    const link = document.createElement("a");
    link.id = `palette-${index}`;
    link.className = "palette-i";
    link.setAttribute("role", "option");
    link.href = entry.url;
    link.tabIndex = -1;
    const label = document.createElement("span");
    label.className = entry.kind === "Tool" ? "grow trunc mono" : "grow trunc";
    label.textContent = entry.label;
    const kind = document.createElement("span");
    kind.className = "muted small nowrap";
    kind.textContent = entry.hint || entry.kind;
    link.append(Misfire.icon(entry.icon || "arrow-narrow-right"), label, kind);
    return link;
  };

  const select = (index) => {
    const items = list.children;
    if (!items.length) { field.removeAttribute("aria-activedescendant"); return; }
    at = (index + items.length) % items.length;
    [...items].forEach((item, i) => item.setAttribute("aria-selected", String(i === at)));
    field.setAttribute("aria-activedescendant", items[at].id);
    items[at].scrollIntoView({ block: "nearest" });
  };

  const paint = () => {
    const query = field.value.trim().toLowerCase();
    const found = (entries || [])
      .map((entry) => ({ entry, weight: query ? Math.max(score(entry.label, query), score(entry.hint || "", query) / 3) : 1 }))
      .filter((row) => row.weight > 0);
    if (query) found.sort((a, b) => b.weight - a.weight);
    list.replaceChildren(...found.slice(0, SHOWN).map((row, i) => option(row.entry, i)));
    none.textContent = entries && !found.length ? `Nothing is named like “${field.value.trim()}”.` : "";
    select(0);
  };

  const load = async () => {
    try {
      const answer = await fetch(dialog.dataset.src, { headers: { accept: "application/json" } });
      if (!answer.ok) throw new Error(String(answer.status));
      entries = (await answer.json()).entries;
      paint();
    } catch {
      none.textContent = "The list could not be read. Close and open it to try again.";
    }
  };

  dialog.addEventListener("opened", () => {
    field.value = "";
    paint();
    load();
    field.focus();
  });
  field.addEventListener("input", paint);
  field.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) { event.preventDefault(); select(at + step); }
    if (event.key === "Enter") { event.preventDefault(); list.children[at]?.click(); }
  });
  list.addEventListener("mousemove", (event) => {
    const index = [...list.children].indexOf(event.target.closest(".palette-i"));
    if (index >= 0 && index !== at) select(index);
  });
})();
