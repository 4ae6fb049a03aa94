// The filter bar: suggestions for the term at the caret, and Backspace takes the last term away.
(() => {
  const bar = document.querySelector("[data-filter-bar]");
  if (!bar) return;
  const field = bar.querySelector(".fi");
  const list = bar.querySelector(".sug");
  let at = -1, asked = 0, timer = 0;

  // The term that is being typed: from the last space outside quotes to the caret.
  const term = () => {
    const before = field.value.slice(0, field.selectionStart);
    let start = 0, quoted = false;
    for (let i = 0; i < before.length; i += 1) {
      if (before[i] === '"' && before[i - 1] !== "\\") quoted = !quoted;
      else if (before[i] === " " && !quoted) start = i + 1;
    }
    return { start, end: field.selectionStart, text: before.slice(start) };
  };

  const hide = () => {
    asked += 1;
    at = -1;
    list.hidden = true;
    field.setAttribute("aria-expanded", "false");
    field.removeAttribute("aria-activedescendant");
  };

  const select = (index) => {
    const items = [...list.children];
    at = index < -1 ? items.length - 1 : index >= items.length ? -1 : index;
    items.forEach((item, i) => item.setAttribute("aria-selected", String(i === at)));
    if (at < 0) { field.removeAttribute("aria-activedescendant"); return; }
    field.setAttribute("aria-activedescendant", items[at].id);
    items[at].scrollIntoView({ block: "nearest" });
  };

  const take = (text) => {
    const { start, end } = term();
    field.value = field.value.slice(0, start) + text + field.value.slice(end);
    field.setSelectionRange(start + text.length, start + text.length);
    if (text.endsWith(":")) ask(); else bar.requestSubmit();
  };

  const paint = (items) => {
    list.replaceChildren(...items.map((item, index) => {
      const row = document.createElement("li");
      row.id = `suggestion-${index}`;
      row.setAttribute("role", "option");
      row.setAttribute("aria-selected", "false");
      const text = document.createElement("span");
      text.className = "mono trunc wire";
      text.textContent = item.text;
      const note = document.createElement("span");
      note.className = "muted small trunc";
      note.textContent = item.note;
      row.append(text, note);
      row.addEventListener("mousedown", (event) => { event.preventDefault(); take(item.text); });
      return row;
    }));
    list.hidden = !items.length;
    field.setAttribute("aria-expanded", String(items.length > 0));
    select(-1);
  };

  const ask = async () => {
    asked += 1;
    const mine = asked;
    const url = `${bar.dataset.suggestions}&typed=${encodeURIComponent(term().text)}`;
    try {
      const answer = await fetch(url, { headers: { accept: "application/json" } });
      const { items } = answer.ok ? await answer.json() : { items: [] };
      if (mine === asked && document.activeElement === field) paint(items);
    } catch {
      if (mine === asked) hide();
    }
  };

  // What is listed belongs to what was typed before: nothing of it is taken by Enter.
  field.addEventListener("input", () => { select(-1); clearTimeout(timer); timer = setTimeout(ask, 120); });
  field.addEventListener("focus", ask);
  field.addEventListener("blur", hide);
  field.addEventListener("keydown", (event) => {
    if (event.key === "Backspace" && !field.value) {
      bar.querySelector(".chip:last-of-type a")?.click();
    } else if (event.key === "Escape" && !list.hidden) {
      event.stopPropagation();
      hide();
    } else if (["ArrowDown", "ArrowUp"].includes(event.key)) {
      event.preventDefault();
      if (list.hidden) ask(); else select(at + (event.key === "ArrowDown" ? 1 : -1));
    } else if (["Enter", "Tab"].includes(event.key) && at >= 0 && !list.hidden) {
      event.preventDefault();
      take(list.children[at].querySelector("span").textContent);
    }
  });
  bar.addEventListener("submit", (event) => { if (!field.value.trim()) event.preventDefault(); });
})();
