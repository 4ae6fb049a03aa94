// The list of conversations: the chosen one opens beside the list where there is room for it.
(() => {
  const wide = matchMedia("(min-width: 1200px)");
  const peek = document.getElementById("peek");
  const empty = [...peek.childNodes];

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
    for (const row of document.querySelectorAll(".lst [aria-current]")) row.removeAttribute("aria-current");
    event.detail.elt.closest("li")?.setAttribute("aria-current", "true");
    event.detail.requestConfig.elt.closest("li")?.setAttribute("aria-current", "true");
  });
  peek.addEventListener("click", (event) => {
    if (!event.target.closest("[data-peek-close]")) return;
    peek.replaceChildren(...empty);
    document.querySelector(".lst [aria-current]")?.removeAttribute("aria-current");
  });
})();
