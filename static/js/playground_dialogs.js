// The dialogs of the playground: pick tools, paste JSON, edit a definition.
import { h, fill, icon, visible } from "./playground_dom.js";
import { readTools } from "./playground_tools.js";

// A dialog with a JSON editor: open({title, text, hint, placeholder, apply}); apply may throw what is wrong.
export const jsonDialog = (dialog) => {
  const area = dialog.querySelector("textarea");
  const error = dialog.querySelector("[data-error]");
  const form = dialog.querySelector("form");
  let apply = null, editor = null;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      await apply(editor ? editor.value : area.value);
      dialog.close();
    } catch (problem) {
      error.textContent = problem.message;
    }
  });
  return {
    open: ({ title, text = "", hint = "", action = "Use this", ...rest }) => {
      apply = rest.apply;
      dialog.querySelector("h2").textContent = title;
      dialog.querySelector("[data-hint]").textContent = hint;
      form.querySelector("[type=submit]").textContent = action;
      error.textContent = "";
      dialog.showModal();
      editor ??= Misfire.editor(area, { label: title, onRun: () => form.requestSubmit(), onChange: () => { error.textContent = ""; } });
      editor.setValue(text);
      editor.focus();
    },
  };
};

// The picker: the project's tools by a filter, and a way to paste definitions.
export const toolPicker = ({ dialog, catalogue, urls, toolsUrl, paste }, add) => {
  const filter = dialog.querySelector("[data-pick-filter]");
  const list = dialog.querySelector("[data-pick-list]");
  const chosen = new Map();
  const submit = dialog.querySelector("[data-pick-add]");

  const option = (tool) => {
    const [latest] = tool.versions;
    const box = h("input", { type: "checkbox", class: "form-check-input m0", checked: chosen.has(tool.name), on: { change: () => {
      if (box.checked) chosen.set(tool.name, { version: latest.id, number: latest.number, name: tool.name }); else chosen.delete(tool.name);
      count();
    } } });
    return h("li", {}, h("label", { class: "pick" }, box, icon("function"), h("span", { class: "tn wire trunc" }, visible(tool.name)), h("span", { class: "ver", text: `v${latest.number}` }), h("span", { class: "muted small trunc wire" }, visible(tool.summary || ""))));
  };
  const count = () => { submit.disabled = !chosen.size; submit.textContent = chosen.size > 1 ? `Add ${chosen.size} tools` : "Add tool"; };
  const paint = () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const found = catalogue.filter((tool) => tool.versions.length && words.every((word) => `${tool.name} ${tool.summary}`.toLowerCase().includes(word)));
    const empty = catalogue.length ? h("li", { class: "muted small", text: "No tool matches." })
      : h("li", { class: "small ink2" }, "This project has no tools yet. ", h("a", { href: toolsUrl, text: "Create one" }), ", or paste a definition.");
    fill(list, found.length ? found.slice(0, 200).map(option) : empty);
  };
  filter.addEventListener("input", paint);
  submit.addEventListener("click", () => { add([...chosen.values()]); dialog.close(); });
  dialog.querySelector("[data-pick-paste]").addEventListener("click", () => {
    dialog.close();
    paste.open({
      title: "Paste tools", hint: "One tool or a list of them: OpenAI, Anthropic, MCP, Gemini or Misfire’s own form.", action: "Add",
      apply: async (text) => add((await readTools(urls, text)).map(({ definition, name }) => ({ definition, name, base: null }))),
    });
  });
  return { open: () => { chosen.clear(); filter.value = ""; paint(); count(); dialog.showModal(); filter.focus(); } };
};
