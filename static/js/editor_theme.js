// The look of the JSON editor, in the colours of tokens.css, so that it follows light and dark.
(() => {
  const CM = window.CodeMirror;
  const theme = CM.EditorView.theme({
    "&": { color: "var(--ink)", backgroundColor: "transparent", fontSize: "12px" },
    "&.cm-focused": { outline: "none" },
    ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "20px", minHeight: "inherit", maxHeight: "inherit", overflow: "auto" },
    ".cm-content": { padding: "6px 0", caretColor: "var(--accent)" },
    ".cm-line": { padding: "0 10px 0 6px" },
    ".cm-gutters": { backgroundColor: "transparent", color: "var(--ink-3)", border: "0", fontSize: "11px" },
    ".cm-lineNumbers .cm-gutterElement": { minWidth: "28px", padding: "0 4px 0 6px" },
    ".cm-foldGutter .cm-gutterElement": { color: "var(--ink-3)", padding: "0 2px" },
    ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "color-mix(in srgb, var(--selected) 55%, transparent)" },
    ".cm-cursor": { borderLeftColor: "var(--accent)", borderLeftWidth: "2px" },
    "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": { backgroundColor: "var(--accent-soft)" },
    ".cm-selectionMatch": { backgroundColor: "var(--flagged-soft)" },
    "&.cm-focused .cm-matchingBracket": { backgroundColor: "var(--accent-soft)", outline: "1px solid var(--accent-line)" },
    "&.cm-focused .cm-nonmatchingBracket": { backgroundColor: "var(--rejected-soft)" },
    ".cm-foldPlaceholder": { backgroundColor: "var(--pending-soft)", border: "0", color: "var(--ink-2)", padding: "0 6px" },
    ".cm-placeholder": { color: "var(--ink-3)" },
    ".cm-lintRange-error": { backgroundImage: "none", textDecoration: "underline wavy var(--rejected-solid) 1px", textUnderlineOffset: "4px" },
    ".cm-lintRange-warning": { backgroundImage: "none", textDecoration: "underline wavy var(--flagged-solid) 1px", textUnderlineOffset: "4px" },
    ".cm-gutter-lint": { width: "12px" }, ".cm-lint-marker": { content: "none", width: "7px", height: "7px", borderRadius: "50%", margin: "7px 0 0 3px" },
    ".cm-lint-marker-error": { backgroundColor: "var(--rejected-solid)" }, ".cm-lint-marker-warning": { backgroundColor: "var(--flagged-solid)", borderRadius: "0" },
    ".cm-tooltip": { backgroundColor: "var(--raised)", color: "var(--ink)", border: "0", borderRadius: "var(--r-m)", boxShadow: "var(--shadow-pop)" },
    ".cm-diagnostic": { padding: "5px 10px", fontFamily: "var(--sans)", fontSize: "12px" },
    ".cm-diagnostic-error": { borderLeft: "3px solid var(--rejected-solid)" }, ".cm-diagnostic-warning": { borderLeft: "3px solid var(--flagged-solid)" },
    ".cm-panels": { backgroundColor: "var(--sunken)", color: "var(--ink)", borderColor: "var(--line)!important", fontFamily: "var(--sans)" },
    ".cm-textfield": { backgroundColor: "var(--surface)", border: "1px solid var(--line-strong)", borderRadius: "4px" },
    ".cm-button": { backgroundImage: "none", backgroundColor: "var(--surface)", border: "1px solid var(--line-strong)", borderRadius: "4px" },
  });
  const { tags } = CM;
  const colours = CM.HighlightStyle.define([
    { tag: tags.propertyName, color: "var(--tok-key)" },
    { tag: tags.string, color: "var(--tok-str)" },
    { tag: [tags.number, tags.bool, tags.null], color: "var(--tok-num)" },
    { tag: [tags.punctuation, tags.separator, tags.bracket], color: "var(--tok-pun)" },
  ]);
  Misfire.editorTheme = [theme, CM.syntaxHighlighting(colours)];
})();
