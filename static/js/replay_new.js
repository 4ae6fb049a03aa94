// The form of a new replay: a button or a choice that changes which fields there are draws it anew,
// anything else asks what the replay would take. Ctrl/Cmd+Enter starts it.
(() => {
  const form = () => document.getElementById("rp-form");
  let timer = 0;

  const values = (then) => {
    const found = Object.fromEntries(new FormData(form()));
    return { ...found, then };
  };
  const redraw = (then) => htmx.ajax("POST", form().action, { source: "#rp-form", target: "#rp-form", values: values(then) });
  const estimate = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      // What is being typed there is kept: the field is put back with its caret.
      const focused = document.activeElement?.closest("#rp-estimate") ? document.activeElement : null;
      const at = focused?.selectionStart;
      htmx.ajax("POST", form().action, { source: "#rp-estimate", target: "#rp-estimate", values: values("estimate") }).then(() => {
        if (!focused?.id) return;
        const field = document.getElementById(focused.id);
        field?.focus();
        field?.setSelectionRange?.(at, at);
      });
    }, 350);
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-redraw]");
    if (!button || !form()) return;
    event.preventDefault();
    redraw(button.value);
  });
  document.addEventListener("change", (event) => {
    if (event.target.dataset?.changes === "redraw") redraw("redraw");
    else if (event.target.dataset?.changes === "estimate") estimate();
  });
  document.addEventListener("input", (event) => {
    if (event.target.matches("textarea[data-changes=estimate], input.num[data-changes=estimate]")) estimate();
  });
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key === "Enter" && form()) {
      event.preventDefault();
      document.getElementById("rp-start")?.click();
    }
  });
})();
