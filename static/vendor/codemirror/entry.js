// What the pages use of CodeMirror 6, as one script: window.CodeMirror. Built by scripts/vendor.py.
import { closeBrackets, closeBracketsKeymap, autocompletion, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { json, jsonLanguage, jsonParseLinter } from "@codemirror/lang-json";
import {
  bracketMatching, codeFolding, foldGutter, foldKeymap, HighlightStyle, indentOnInput, indentUnit,
  syntaxHighlighting, syntaxTree,
} from "@codemirror/language";
import { forceLinting, linter, lintGutter, lintKeymap, setDiagnostics } from "@codemirror/lint";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { Compartment, EditorState, RangeSetBuilder, StateEffect, StateField } from "@codemirror/state";
import {
  crosshairCursor, Decoration, drawSelection, EditorView, highlightActiveLine, highlightActiveLineGutter,
  highlightSpecialChars, keymap, lineNumbers, placeholder, ViewPlugin, WidgetType,
} from "@codemirror/view";
import { tags } from "@lezer/highlight";

window.CodeMirror = {
  autocompletion, bracketMatching, closeBrackets, closeBracketsKeymap, codeFolding, Compartment,
  completionKeymap, crosshairCursor, Decoration, defaultKeymap, drawSelection, EditorState, EditorView,
  foldGutter, foldKeymap, forceLinting, highlightActiveLine, highlightActiveLineGutter,
  highlightSelectionMatches, highlightSpecialChars, HighlightStyle, history, historyKeymap, indentOnInput,
  indentUnit, indentWithTab, json, jsonLanguage, jsonParseLinter, keymap, lineNumbers, linter, lintGutter,
  lintKeymap, placeholder, RangeSetBuilder, search, searchKeymap, setDiagnostics, StateEffect, StateField,
  syntaxHighlighting, syntaxTree, tags, ViewPlugin, WidgetType,
};
