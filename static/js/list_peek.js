// A list's chosen row opens beside it where there is room, and stays in the address as ?peek=.
(() => {
  const wide = matchMedia("(min-width: 1200px)");
  const peek = document.getElementById("peek");
  if (!peek) return;
  const empty = [...peek.childNodes];
  const current = () => document.querySelector(".lst li[aria-current]");

  const note = (id) => {
    const url = new URL(location.href);
    if (id) url.searchParams.set("peek", id); else url.searchParams.delete("peek");
    history.replaceState(history.state, "", url);
  };

  // Where there is no room, and with a modifier, a link is a link.
  document.body.addEventListener("htmx:confirm", (event) => {
    if (!event.target.matches?.("[data-peek]")) return;
    const click = event.detail.triggeringEvent;
    const apart = click?.ctrlKey || click?.metaKey;
    if (wide.matches && !apart) return;
    event.preventDefault();
    if (apart) window.open(event.target.href); else location.assign(event.target.href);
  });

  document.body.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target !== peek) return;
    current()?.removeAttribute("aria-current");
    const row = event.detail.requestConfig.elt.closest("li");
    row?.setAttribute("aria-current", "true");
    row?.scrollIntoView({ block: "nearest" });
    note(row?.dataset.id);
  });

  const close = () => {
    peek.replaceChildren(...empty);
    const row = current();
    row?.removeAttribute("aria-current");
    row?.querySelector("a")?.focus();
    note("");
  };

  const step = (by) => {
    const rows = [...document.querySelectorAll(".lst li[data-row]")];
    rows[rows.indexOf(current()) + by]?.querySelector("[data-peek]")?.click();
  };

  peek.addEventListener("click", (event) => {
    const button = event.target.closest("[data-peek-close], [data-peek-step]");
    if (button?.dataset.peekStep) step(Number(button.dataset.peekStep)); else if (button) close();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.defaultPrevented || !current()) return;
    if (Misfire.isTyping(event.target) || document.querySelector("dialog[open], details.menu[open]")) return;
    close();
  });

  const chosen = new URLSearchParams(location.search).get("peek");
  if (chosen && wide.matches) {
    const link = document.querySelector(`.lst li[data-id="${CSS.escape(chosen)}"] [data-peek]`);
    addEventListener("load", () => link?.click());
  }
  if (matchMedia("(max-width: 760px)").matches) document.getElementById("facets").open = false;
})();
