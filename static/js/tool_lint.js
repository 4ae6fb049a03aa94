// The lint panel of the editor: each problem with its severity, its line, and its certain fix.
//   const lint = Misfire.lintPanel(section, editor, { words, onWord });  lint.show(problems, note)
// `words` is where a word is sent that is right in this project; `onWord` is called after.
//   Misfire.lintMarks(problems): what the editor shows at their lines.
(() => {
  const SHAPES = { error: ["circle-x", "Error"], warning: ["alert-triangle", "Warning"], note: ["info-circle", "Note"] };
  const SVG = "http://www.w3.org/2000/svg";

  const icon = (name) => {
    const sprite = document.querySelector("svg.ti use").getAttribute("href").split("#")[0];
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("class", `ti ti-${name}`);
    svg.setAttribute("aria-hidden", "true");
    const use = document.createElementNS(SVG, "use");
    use.setAttribute("href", `${sprite}#${name}`);
    svg.append(use);
    return svg;
  };

  const element = (tag, className, ...content) => {
    const made = document.createElement(tag);
    if (className) made.className = className;
    made.append(...content);
    return made;
  };

  Misfire.lintMarks = (problems) => problems.filter(({ code }) => code !== "invalid_schema").map(({ line, message, code, severity }) =>
    ({ line, message: `${code}: ${message}`, severity: severity === "note" ? "info" : severity }));

  Misfire.lintPanel = (section, editor, { words, onWord }) => {
    const list = section.querySelector("ul");
    const status = section.querySelector("[role=status]");
    const foot = section.querySelector(".pn-f");

    const apply = (problem) => {
      editor.view.dispatch({ changes: problem.fix.edits, userEvent: "input.fix" });
      editor.focus();
    };

    const allow = async (word, button) => {
      button.disabled = true;
      const response = await fetch(words, { method: "POST", headers: { "x-csrftoken": Misfire.csrf(), accept: "application/json" }, body: new URLSearchParams({ words: word }) });
      if (response.ok) onWord();
      else Misfire.toast({ title: `“${word}” was not added`, text: `Error ${response.status}: add it under Settings, Lint.`, kind: "error" });
    };

    const wordButton = (word) => {
      const button = element("button", "btn sm gho", icon("plus"), `“${word}” is right`);
      button.type = "button";
      button.title = "Add it to the project's words";
      button.addEventListener("click", () => allow(word, button));
      return button;
    };

    const row = (problem) => {
      const [shape, word] = SHAPES[problem.severity];
      const text = element("span", "", element("b", "", problem.code), ` ${problem.message}.`);
      if (problem.fix) {
        const button = element("button", "btn sm", "Apply fix");
        button.type = "button";
        button.title = problem.fix.text;
        button.setAttribute("aria-label", `Apply fix: ${problem.fix.text}`);
        button.addEventListener("click", () => apply(problem));
        text.append(" ", button);
      }
      for (const word of problem.words) text.append(" ", wordButton(word));
      const place = element("span", "muted nowrap", `line ${problem.line}`);
      return element("li", "", element("span", `cls ${problem.severity}`, icon(shape), word), text, place);
    };

    return {
      show(problems, note) {
        section.hidden = !problems.length && !note;
        status.textContent = `${problems.length} ${problems.length === 1 ? "problem" : "problems"}`;
        list.replaceChildren(...problems.map(row));
        foot.hidden = !note;
        foot.textContent = note;
      },
    };
  };
})();
