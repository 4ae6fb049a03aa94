// Toasts: from the server's messages (already in the page), from scripts and from htmx.
//   Misfire.toast({title, text, kind: "success"|"info"|"warning"|"error", action: {label, url | run}})
// A view may answer htmx with the header  HX-Trigger: {"toast": {"title": …, "kind": …}}
(() => {
  const LASTS = 6000;
  const ICONS = { success: "circle-check", info: "info-circle", warning: "alert-triangle", error: "circle-x" };
  const box = document.getElementById("toasts");

  Misfire.icon = (name) => {
    const ns = "http://www.w3.org/2000/svg";
    const svg = document.createElementNS(ns, "svg");
    svg.setAttribute("class", `ti ti-${name}`);
    svg.setAttribute("aria-hidden", "true");
    const use = document.createElementNS(ns, "use");
    use.setAttribute("href", `${document.body.dataset.icons}#${name}`);
    svg.append(use);
    return svg;
  };

  const element = (tag, className, text) => {
    const node = document.createElement(tag);
    if (className) node.className = className;
    if (text !== undefined) node.textContent = text;
    return node;
  };

  const actionLink = (action) => {
    const link = element(action.url ? "a" : "button", action.url ? "" : "linkish", action.label);
    if (action.url) link.href = action.url; else link.type = "button";
    if (action.run) link.addEventListener("click", () => action.run());
    return link;
  };

  // Successes and notes leave by themselves unless they are being read; problems stay.
  const expire = (toast) => {
    if (["error", "warning"].includes(toast.dataset.toast)) return;
    let timer;
    const start = () => { timer = setTimeout(() => toast.remove(), LASTS); };
    const hold = () => clearTimeout(timer);
    for (const name of ["mouseenter", "focusin"]) toast.addEventListener(name, hold);
    for (const name of ["mouseleave", "focusout"]) toast.addEventListener(name, start);
    start();
  };

  Misfire.toast = ({ title, text = "", kind = "info", action = null }) => {
    const toast = element("div", "toast-m");
    toast.dataset.toast = kind;
    toast.setAttribute("role", kind === "error" ? "alert" : "status");
    const body = element("div", "grow");
    body.append(element("b", "", title));
    if (text || action) {
      const line = element("p", "small ink2", text ? `${text} ` : "");
      if (action) line.append(actionLink(action));
      body.append(line);
    }
    const close = element("button", "btn sm ico gho");
    close.type = "button";
    close.dataset.dismiss = "";
    close.setAttribute("aria-label", "Dismiss");
    close.append(Misfire.icon("x"));
    toast.append(Misfire.icon(ICONS[kind] || "info-circle"), body, close);
    box.append(toast);
    expire(toast);
    return toast;
  };

  for (const toast of box.children) expire(toast);
  box.addEventListener("click", (event) => {
    if (event.target.closest("[data-dismiss], a, .linkish")) event.target.closest(".toast-m").remove();
  });
  document.body.addEventListener("toast", (event) => Misfire.toast(event.detail));
  document.body.addEventListener("htmx:sendError", () => Misfire.toast({
    title: "The console did not answer", text: "Nothing was changed. Check the connection and try again.", kind: "error",
  }));
  document.body.addEventListener("htmx:responseError", (event) => {
    const { status } = event.detail.xhr;
    if (status !== 422) Misfire.toast({ title: `The console answered ${status}`, text: "Reload the page and try again.", kind: "error" });
  });
})();
