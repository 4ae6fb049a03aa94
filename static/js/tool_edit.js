// The editor of a tool's next version: form and JSON show the same definition, checked as it changes.
(() => {
  const page = document.getElementById("tool-edit");
  const area = document.getElementById("definition");
  const state = document.getElementById("state");
  const list = document.getElementById("problems");
  const format = document.getElementById("format");
  const box = document.getElementById("form");
  const first = area.value;
  let fromForm = null;
  let pastedAt = 0;
  let timer = 0;
  let leaving = false;

  const form = Misfire.schemaForm(box, (text) => {
    fromForm = text;
    editor.setValue(text);
  });
  const editor = Misfire.editor(area, {
    lint: false,
    onRun: () => review(),
    onChange: (text) => {
      if (text !== fromForm) form.show(text);
      fromForm = null;
      clearTimeout(timer);
      timer = setTimeout(check, 300);
      keeper.changed();
    },
  });

  const keeper = Misfire.draftKeeper(page, () => editor.value);
  const review = () => page.requestSubmit(page.querySelector("[value=publish]"));
  const lint = Misfire.lintPanel(document.getElementById("lint"), editor, { words: page.dataset.words, onWord: () => check() });
  const tell = (problems, linted = []) => {
    editor.setErrors([...problems.map(({ line, message, severity }) => ({ line, message, severity })), ...Misfire.lintMarks(linted)]);
    form.setProblems(problems);
    const items = problems.map(({ line, column, message }) => {
      const item = document.createElement("li");
      item.textContent = `Line ${line}, column ${column}: ${message}.`;
      return item;
    });
    list.querySelector("ul").replaceChildren(...items);
    list.hidden = !items.length;
    list.classList.toggle("b", problems.some(({ severity }) => severity === "error"));
    list.classList.toggle("w", problems.every(({ severity }) => severity === "warning"));
  };

  const sayValid = (answer) => {
    const errors = answer.problems.filter(({ severity }) => severity === "error").length;
    state.textContent = errors ? `${errors} ${errors === 1 ? "problem" : "problems"}` : "valid JSON Schema";
  };

  const convert = (text) => {
    editor.setValue(text);
    Misfire.toast({ title: "Read from another form", text: "Undo brings back what was pasted.", kind: "info" });
  };

  const check = async () => {
    const text = editor.value;
    if (!text.trim()) return;
    let answer;
    try {
      const response = await fetch(page.dataset.check, {
        method: "POST",
        headers: { "x-csrftoken": Misfire.csrf(), accept: "application/json" },
        body: new URLSearchParams({ definition: text, tool: page.dataset.tool || "" }),
      });
      if (!response.ok) throw new Error(response.status === 401 ? "signed out: sign in again in another tab" : `error ${response.status}`);
      answer = await response.json();
    } catch (error) {
      state.textContent = `not checked (${error.message})`;
      return;
    }
    if (text !== editor.value) return;
    // An empty name is where everybody starts: the form's own field says it at saving.
    const untouched = text === first && !JSON.parse(document.getElementById("first-problems").textContent).length;
    if (untouched && !answer.valid) return;
    if (answer.converted && Date.now() - pastedAt < 3000 && isForeign(text)) { pastedAt = 0; convert(answer.converted); return; }
    offerConversion(isForeign(text) ? answer.converted : null);
    sayValid(answer);
    tell(answer.problems, answer.lint);
    lint.show(answer.lint, answer.note);
  };

  const isForeign = (text) => {
    const tree = Misfire.tree.parse(text);
    return Misfire.tree.isObject(tree) && !(Misfire.tree.get(tree, "name") && !["input_schema", "inputSchema"].some((key) => Misfire.tree.get(tree, key)));
  };

  const offer = format.cloneNode();
  offer.id = "convert";
  offer.append("Convert");
  format.before(offer);
  const offerConversion = (text) => {
    offer.hidden = !text;
    offer.onclick = () => convert(text);
  };

  box.hidden = false;
  format.hidden = false;
  form.show(first);
  format.addEventListener("click", () => { if (!editor.format()) Misfire.toast({ title: "The JSON is broken", text: "Mend it first; the problem is at its line.", kind: "error" }); });
  editor.view.dom.addEventListener("paste", () => { pastedAt = Date.now(); }, true);
  page.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !event.defaultPrevented) { event.preventDefault(); review(); }
    // In a field of the form, Enter alone would save by surprise.
    else if (event.key === "Enter" && event.target.matches("#form input")) event.preventDefault();
  });
  page.addEventListener("submit", () => { leaving = true; });
  window.addEventListener("beforeunload", (event) => { if (!leaving && !keeper.isKept()) event.preventDefault(); });
  if (page.querySelector("#problems:not([hidden])")) tell(JSON.parse(document.getElementById("first-problems").textContent));
  else check();
})();
