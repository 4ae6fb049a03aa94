// The incident's page: N writes a note.
(() => {
  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "n" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.defaultPrevented || Misfire.isTyping(event.target) || document.querySelector("dialog[open]")) return;
    if (!document.getElementById("incident-note")) return;
    event.preventDefault();
    Misfire.open("incident-note");
  });
})();
