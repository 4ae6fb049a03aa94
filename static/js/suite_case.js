// The editor of a case: what it expects, and what it says of an answer, as either changes.
(() => {
  const page = document.getElementById("case-edit");
  const answer = document.getElementById("answer");
  const area = document.getElementById("document");
  const first = area.value;
  let timer = 0;
  let leaving = false;

  const judge = () => htmx.ajax("POST", page.dataset.judge, {
    target: "#judged",
    values: { document: editor.value, answer: answer.value },
  });
  const later = () => { clearTimeout(timer); timer = setTimeout(judge, 400); };
  const editor = Misfire.editor(area, { onChange: later });

  answer.addEventListener("input", later);
  page.addEventListener("submit", () => { leaving = true; });
  window.addEventListener("beforeunload", (event) => { if (!leaving && editor.value !== first) event.preventDefault(); });
  judge();
})();
