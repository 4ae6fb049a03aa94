// The editor of a policy: form and JSON show the same, checked and tried on recorded calls as it changes.
(() => {
  const page = document.getElementById("policy-edit");
  const area = document.getElementById("document");
  const list = document.getElementById("problems");
  const box = document.getElementById("policy-form");
  const trying = document.getElementById("trying");
  const names = JSON.parse(document.getElementById("argument-names").textContent);
  const first = area.value;
  let fromForm = null;
  let timer = 0;
  let leaving = false;

  const read = (text) => {
    try { const value = JSON.parse(text); return value && typeof value === "object" && !Array.isArray(value) ? value : null; } catch { return null; }
  };
  const form = Misfire.policyForm(box, names, (value) => {
    fromForm = JSON.stringify(value, null, 2);
    editor.setValue(fromForm);
  });
  const editor = Misfire.editor(area, {
    lint: false,
    onChange: (text) => {
      const value = text === fromForm ? null : read(text);
      if (value) form.show(value);
      fromForm = null;
      clearTimeout(timer);
      timer = setTimeout(check, 400);
    },
  });

  const tell = (problems) => {
    editor.setErrors(problems.map(({ line, message }) => ({ line, message })));
    form.setProblems(problems);
    list.querySelector("ul").replaceChildren(...problems.map(({ pointer, line, message }) => {
      const item = document.createElement("li");
      item.textContent = `${pointer ? `${pointer}, line ${line}` : `Line ${line}`}: ${message}.`;
      return item;
    }));
    list.hidden = !problems.length;
  };

  const check = async () => {
    const text = editor.value;
    const body = new URLSearchParams({ document: text, tool: page.elements.tool.value });
    try {
      const response = await fetch(page.dataset.check, { method: "POST", headers: { "x-csrftoken": Misfire.csrf(), accept: "application/json" }, body });
      if (!response.ok) throw new Error(response.status === 401 ? "signed out: sign in again in another tab" : `error ${response.status}`);
      const answer = await response.json();
      if (text !== editor.value) return;
      tell(answer.problems);
      if (!answer.valid) { trying.textContent = "after the problems above are mended"; return; }
    } catch (error) {
      trying.textContent = `not checked (${error.message})`;
      return;
    }
    trying.textContent = "trying";
    await htmx.ajax("POST", page.dataset.try, { target: "#tried", values: { document: text, tool: page.elements.tool.value } });
    if (text === editor.value) trying.textContent = "";
  };

  box.hidden = false;
  form.show(read(first) ?? {});
  const faults = JSON.parse(document.getElementById("first-faults").textContent);
  if (faults.length) tell(faults); else check();
  page.addEventListener("keydown", (event) => { if (event.key === "Enter" && event.target.matches("#policy-form input")) event.preventDefault(); });
  page.addEventListener("submit", () => { leaving = true; });
  window.addEventListener("beforeunload", (event) => { if (!leaving && editor.value !== first) event.preventDefault(); });
})();
