// The frame of every page: menus, the sidebar on small screens, dialogs, copy buttons, local times.
(() => {
  const isMac = /Mac|iP(hone|ad)/.test(navigator.platform);
  if (isMac) for (const key of document.querySelectorAll("[data-mod]")) key.textContent = "⌘";

  // The CSRF token, for fetch: {headers: {"x-csrftoken": Misfire.csrf()}}
  Misfire.csrf = () => JSON.parse(document.body.getAttribute("hx-headers"))["x-csrftoken"];
  // True in a field, where single keys are text.
  Misfire.isTyping = (target) => target instanceof Element
    && Boolean(target.closest("input, textarea, select, [contenteditable=true], .cm-editor"));
  Misfire.open = (id) => {
    const dialog = document.getElementById(id);
    if (dialog && !dialog.open) { dialog.showModal(); dialog.dispatchEvent(new Event("opened")); }
  };

  // ---- menus (details.menu): one at a time, closed by a click outside and by Esc
  const menus = () => document.querySelectorAll("details.menu[open]");
  const closeMenus = (but) => { for (const menu of menus()) if (menu !== but) menu.open = false; };
  document.addEventListener("click", (event) => closeMenus(event.target.closest("details.menu")));
  document.addEventListener("keydown", (event) => {
    const menu = event.target.closest?.("details.menu");
    if (event.key === "Escape") {
      const open = [...menus()];
      closeMenus();
      open.at(-1)?.querySelector("summary").focus();
      setSide(false);
    } else if (menu?.open && ["ArrowDown", "ArrowUp"].includes(event.key)) {
      event.preventDefault();
      const items = [...menu.querySelectorAll(".menu-i")];
      const step = event.key === "ArrowDown" ? 1 : -1;
      const at = items.indexOf(document.activeElement);
      items[(at + step + items.length) % items.length]?.focus();
    }
  });

  // ---- sidebar below 760 px
  const app = document.getElementById("app");
  const burger = document.querySelector("[data-burger]");
  const setSide = (open) => {
    if (!burger || (app.dataset.nav === "open") === open) return;
    app.dataset.nav = open ? "open" : "";
    burger.setAttribute("aria-expanded", String(open));
    if (open) document.querySelector("#side a, #side summary")?.focus(); else burger.focus();
  };

  const dialogClick = (event) => {
    const dialog = event.target.closest("dialog");
    if (event.target.closest("[data-close]") || event.target === dialog) dialog?.close();
  };

  document.addEventListener("click", (event) => {
    const at = (selector) => event.target.closest(selector);
    if (at("[data-burger]")) { event.preventDefault(); setSide(app.dataset.nav !== "open"); }
    if (at("[data-burger-close]")) { event.preventDefault(); setSide(false); }
    if (at("[data-open]")) Misfire.open(at("[data-open]").dataset.open);
    if (at("[data-theme]")) { Misfire.setTheme(at("[data-theme]").dataset.theme); markTheme(); closeMenus(); }
    if (at("[data-copy], [data-copy-from]")) copy(at("[data-copy], [data-copy-from]"));
    dialogClick(event);
  });

  const markTheme = () => {
    for (const button of document.querySelectorAll("[data-theme]")) {
      button.setAttribute("aria-pressed", String(button.dataset.theme === document.documentElement.dataset.themeChoice));
    }
  };
  markTheme();

  // ---- copy: the text in data-copy, or of the element that data-copy-from selects
  const copy = async (button) => {
    const source = button.dataset.copyFrom && document.querySelector(button.dataset.copyFrom);
    const text = source ? (source.value ?? source.textContent) : button.dataset.copy;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      Misfire.toast({ title: "The browser refused to copy", text: "Select the text and copy it by hand.", kind: "error" });
      return;
    }
    button.dataset.copied = "true";
    button.setAttribute("aria-label", "Copied");
    setTimeout(() => { delete button.dataset.copied; button.setAttribute("aria-label", button.title || "Copy"); }, 1500);
  };

  // ---- code blocks of rendered Markdown get a copy button
  for (const block of document.querySelectorAll(".doc pre")) {
    const box = document.createElement("div");
    box.className = "code-box";
    block.replaceWith(box);
    const button = document.createElement("button");
    button.type = "button";
    button.className = "btn sm ico gho copy";
    button.title = "Copy";
    button.setAttribute("aria-label", "Copy");
    button.dataset.copy = block.textContent.trimEnd();
    button.append(Misfire.icon("copy"));
    box.append(block, button);
  }

  // ---- times are written in UTC; on hover, also in the reader's zone
  document.addEventListener("mouseover", (event) => {
    const time = event.target.closest?.("time[data-when]:not([title])");
    if (time) time.title = `${new Date(time.dateTime).toLocaleString([], { dateStyle: "medium", timeStyle: "medium" })}, your time`;
  });
})();
