// Labels of a turn by keys: E goes to the panel, 1 to 5 choose, Enter sets. Forms work without it.
const panel = () => document.querySelector("[data-labels]");
const radios = () => [...(panel()?.querySelectorAll("input[name=kind]") ?? [])];
const chosen = () => radios().find((radio) => radio.checked)?.value;

const describeChoice = () => {
  const first = { wrong_tool: "tool", wrong_arguments: "arguments", missing: "tool" }[chosen()];
  const field = first ? panel().querySelector(`[name=${first}]`) : panel().querySelector("button[type=submit]");
  field?.focus();
};

document.addEventListener("keydown", (event) => {
  if (!panel() || event.altKey || document.querySelector("dialog[open]")) return;
  if ((event.ctrlKey || event.metaKey) && event.key === "Enter" && event.target.closest(".lbl-f")) {
    event.preventDefault();
    event.target.closest("form").requestSubmit();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.defaultPrevented) return;
  const isRadio = event.target.matches?.(".lbl-f input[name=kind]");
  if (!isRadio && Misfire.isTyping(event.composedPath()[0])) {
    if (event.key === "Escape" && event.target.closest(".lbl-f")) radios().find((radio) => radio.checked)?.focus();
    return;
  }
  if (event.key === "e" && radios().length) {
    event.preventDefault();
    panel().scrollIntoView({ block: "nearest" });
    (radios().find((radio) => radio.checked) ?? radios()[0]).focus();
    return;
  }
  const inPanel = event.target.closest?.("[data-labels]");
  const radio = inPanel && /^[1-5]$/.test(event.key) ? radios()[Number(event.key) - 1] : null;
  if (!radio) return;
  event.preventDefault();
  radio.checked = true;
  radio.dispatchEvent(new Event("change", { bubbles: true }));
  describeChoice();
});

// A refused label comes back as the panel with what is wrong.
document.body.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.target?.id !== "labels" || event.detail.xhr.status !== 422) return;
  event.detail.shouldSwap = true;
  event.detail.isError = false;
});
document.body.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target?.id === "labels") panel()?.querySelector("[aria-invalid=true]")?.focus();
});
