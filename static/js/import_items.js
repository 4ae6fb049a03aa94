// The review of an import: one box for all, and how many are ticked.
"use strict";
(() => {
  const form = document.getElementById("import");
  if (!form) return;
  const boxes = [...form.querySelectorAll("input[name=item]:not(:disabled)")];
  const all = form.querySelector("[data-all]");
  const said = form.querySelector("[data-all-said]");
  const count = form.querySelector("[data-count]");
  const why = form.querySelector("input[name=reason]");

  const tell = () => {
    const ticked = boxes.filter((box) => box.checked);
    all.checked = ticked.length > 0 && ticked.length === boxes.length;
    all.indeterminate = ticked.length > 0 && ticked.length < boxes.length;
    count.textContent = String(ticked.length);
    said.textContent = `${ticked.length} of ${boxes.length} ticked`;
    if (why) {
      const hasErrors = ticked.some((box) => box.closest("li").querySelector("summary .cls.error"));
      why.closest("label").hidden = !hasErrors;
    }
    for (const button of form.querySelectorAll("button[name=as]")) button.disabled = !ticked.length;
  };

  all.hidden = boxes.length === 0;
  all.addEventListener("change", () => {
    for (const box of boxes) box.checked = all.checked;
    tell();
  });
  form.addEventListener("change", tell);
  tell();
})();
