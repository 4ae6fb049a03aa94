// A JSON editor on a textarea. The textarea stays the form's field and is kept equal; without
// this script it is simply a textarea.
//   const editor = Misfire.editor(textarea, {readonly, label, placeholder, onChange, onRun, lint, wrap});
//   editor.value, editor.setValue(text), editor.focus(), editor.format(), editor.view,
//   editor.setErrors([{line} | {from, to}, message, severity]), editor.setReadonly(bool), editor.destroy()
// Lines count from 1; from and to are offsets. `lint: false` leaves JSON syntax to setErrors alone.
// <textarea data-editor> is mounted by itself; its editor is then textarea.editor.
(() => {
  const CM = window.CodeMirror;
  // CodeMirror adds one style sheet; the policy admits it by the nonce that this script carries.
  const nonce = document.currentScript.nonce;

  const toDiagnostic = (doc, error) => {
    let { from, to } = error;
    if (error.line !== undefined) {
      const line = doc.line(Math.min(Math.max(error.line, 1), doc.lines));
      from = line.from + line.text.search(/\S|$/);
      to = line.to;
    }
    from = Math.min(Math.max(from ?? 0, 0), doc.length);
    return { from, to: Math.min(Math.max(to ?? from, from), doc.length), message: error.message, severity: error.severity || "error" };
  };

  // Tab is left to the browser: it leaves the field, so that the keyboard is never caught.
  const keysFor = (options) => CM.keymap.of([
    ...(options.onRun ? [{ key: "Mod-Enter", run: () => { options.onRun(); return true; } }] : []),
    ...CM.closeBracketsKeymap, ...CM.defaultKeymap.filter((binding) => options.onRun ? binding.key !== "Mod-Enter" : true),
    ...CM.searchKeymap, ...CM.historyKeymap, ...CM.foldKeymap, ...CM.lintKeymap,
  ]);

  // Indents by two without touching any value: 1.0, 1e3, escapes and repeated keys stay as written. Null if not JSON.
  Misfire.formatJSON = (text) => {
    try { JSON.parse(text); } catch { return null; }
    let depth = 0, before = "";
    const line = () => `\n${"  ".repeat(depth)}`;
    return text.match(/"(?:[^"\\]|\\.)*"|[[\]{},:]|[^\s[\]{},:"]+/g).map((token) => {
      const opened = before === "{" || before === "[";
      const closes = token === "}" || token === "]";
      if (closes) depth -= 1;
      const gap = closes ? (opened ? "" : line()) : opened || before === "," ? line() : before === ":" ? " " : "";
      if (token === "{" || token === "[") depth += 1;
      before = token;
      return gap + token;
    }).join("");
  };

  // Left to Chrome, typing over a selection makes it write style attributes, which the policy then blocks and reports.
  // The browser's selection counts: the editor learns of one that a script or a pointer made only a moment later.
  const typeOverSelection = CM.EditorView.domEventHandlers({
    beforeinput(event, view) {
      if (event.inputType !== "insertText" || !event.data || view.composing) return false;
      const range = document.getSelection().getRangeAt(0);
      const from = view.posAtDOM(range.startContainer, range.startOffset);
      const to = view.posAtDOM(range.endContainer, range.endOffset);
      if (from === to) return false;
      const text = view.state.toText(event.data);
      const insert = () => view.state.update({
        changes: { from, to, insert: text }, selection: { anchor: from + text.length }, scrollIntoView: true, userEvent: "input.type",
      });
      const handlers = view.state.facet(CM.EditorView.inputHandler);
      if (!handlers.some((handle) => handle(view, from, to, event.data, insert))) view.dispatch(insert());
      event.preventDefault();
      return true;
    },
  });

  const labelFor = (textarea) => textarea.getAttribute("aria-label") || textarea.labels?.[0]?.textContent.trim() || "JSON";

  // What JSON.parse says, at the place that it names, else at the first token that does not fit.
  const syntaxErrors = (view) => {
    const text = view.state.doc.toString();
    if (!text.trim()) return [];
    try {
      JSON.parse(text);
      return [];
    } catch (error) {
      const said = /position (\d+)/.exec(error.message);
      let from = said ? Number(said[1]) : null, to = null;
      if (from === null) {
        CM.syntaxTree(view.state).iterate({
          enter(node) { if (from === null && node.type.isError) [from, to] = [node.from, node.to]; },
        });
      }
      from = Math.min(from ?? 0, text.length);
      return [{ from, to: Math.max(to ?? from, from), severity: "error", message: error.message }];
    }
  };

  Misfire.editor = (textarea, options = {}) => {
    if (textarea.editor) return textarea.editor;
    let errors = [];
    const editable = new CM.Compartment();
    // What cannot be edited is still reached by keyboard, so that it can be scrolled and copied.
    const readonly = (on) => [
      CM.EditorState.readOnly.of(on), CM.EditorView.editable.of(!on),
      on ? CM.EditorView.contentAttributes.of({ tabindex: "0" }) : CM.highlightActiveLine(),
    ];
    const syntax = options.lint === false ? () => [] : syntaxErrors;
    const box = document.createElement("div");
    box.className = "editor";
    textarea.after(box);
    const diagnose = (v) => [...syntax(v), ...errors.map((error) => toDiagnostic(v.state.doc, error))];
    const attributes = { "aria-label": options.label || labelFor(textarea) };
    if (textarea.getAttribute("aria-describedby")) attributes["aria-describedby"] = textarea.getAttribute("aria-describedby");

    const view = new CM.EditorView({
      parent: box,
      doc: textarea.value,
      extensions: [
        CM.EditorView.cspNonce.of(nonce), Misfire.editorTheme, CM.json(),
        CM.lineNumbers(), CM.foldGutter(), CM.lintGutter(), CM.history(), CM.highlightSpecialChars(), CM.drawSelection(),
        CM.bracketMatching(), CM.closeBrackets(), CM.indentOnInput(), CM.indentUnit.of("  "),
        CM.highlightSelectionMatches(), CM.search({ top: true }), keysFor(options), typeOverSelection,
        CM.linter(diagnose, { delay: 250 }),
        CM.EditorView.contentAttributes.of(attributes), editable.of(readonly(options.readonly ?? textarea.readOnly)),
        options.wrap === false ? [] : CM.EditorView.lineWrapping,
        CM.placeholder(options.placeholder ?? textarea.placeholder),
        CM.EditorView.updateListener.of((update) => {
          if (!update.docChanged) return;
          errors = []; // they spoke of the text before; whoever set them says them again
          textarea.value = update.state.doc.toString();
          textarea.dispatchEvent(new Event("input", { bubbles: true }));
          options.onChange?.(textarea.value);
        }),
      ],
    });
    box.style.minHeight = `${Math.max(textarea.rows, 3) * 20 + 12}px`;
    view.dom.style.minHeight = box.style.minHeight;
    if (textarea.dataset.maxHeight) view.dom.style.maxHeight = textarea.dataset.maxHeight;
    textarea.hidden = true;
    textarea.classList.add("editor-src");

    const editor = {
      view,
      get value() { return view.state.doc.toString(); },
      setValue(text) {
        if (text !== editor.value) view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } });
      },
      setErrors(list) {
        errors = list;
        view.dispatch(CM.setDiagnostics(view.state, diagnose(view)));
      },
      setReadonly(on) { view.dispatch({ effects: editable.reconfigure(readonly(on)) }); },
      format() {
        const text = Misfire.formatJSON(editor.value);
        if (text !== null) editor.setValue(text);
        return text !== null;
      },
      focus() { view.focus(); },
      destroy() { view.destroy(); box.remove(); textarea.hidden = false; delete textarea.editor; },
    };
    textarea.editor = editor;
    textarea.form?.addEventListener("reset", () => setTimeout(() => editor.setValue(textarea.value)));
    for (const label of textarea.labels || []) label.addEventListener("click", () => view.focus());
    return editor;
  };

  const mount = (root) => { for (const area of root.querySelectorAll("textarea[data-editor]")) Misfire.editor(area); };
  mount(document);
  document.body.addEventListener("htmx:afterSwap", (event) => mount(event.detail.elt));
})();
