// The editor of a router: tried on an input and on recorded turns as it changes.
(() => {
  const page = document.getElementById("router-edit");
  const text = document.getElementById("text");
  const area = document.getElementById("document");
  const first = area.value;
  let timer = 0;
  let leaving = false;

  const attempt = () => htmx.ajax("POST", page.dataset.try, {
    target: "#tried",
   
    values: { document: editor.value, text: text.value },
  });
  const later = () => { clearTimeout(timer); timer = setTimeout(attempt, 400); };
  const editor = Misfire.editor(area, { onChange: later });

  text.addEventListener("input", later);
  text.addEventListener("keydown", (event) => { if (event.key === "Enter") event.preventDefault(); });
  page.addEventListener("submit", () => { leaving = true; });
  window.addEventListener("beforeunload", (event) => { if (!leaving && editor.value !== first) event.preventDefault(); });
  attempt();
})();
