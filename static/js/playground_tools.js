// The tools that are offered: versions of the project's tools, edited copies, pasted definitions;
// and who answers their calls.
import { h, icon, iconButton, button, fill, visible } from "./playground_dom.js";
import { columnOf, toolName } from "./playground_setup.js";

const MODES = { hand: "By hand", fixed: "Fixed JSON", sample: "Sampled from its output schema", recorded: "A recorded result", execute: "Executed, as its policy says" };
const SHORT = { fixed: "fixed", sample: "sampled", recorded: "recorded", execute: "executed" };
const SHOWN = 12;

const postJSON = async (url, body) => {
  const response = await fetch(url, { method: "POST", headers: { "content-type": "application/json", accept: "application/json", "x-csrftoken": Misfire.csrf() }, body: JSON.stringify(body) });
  const answer = await response.json().catch(() => ({ detail: `The console answered ${response.status}` }));
  if (!response.ok) throw new Error(answer.detail);
  return answer;
};

// Definitions in any dialect, read by the console: [{definition, name, dialect}]. Throws what is wrong.
export const readTools = async (urls, text) => (await postJSON(urls.tools, { text })).tools;

export const toolsPanel = ({ list, meta, all: allField, urls, catalogue, editDialog }, setup) => {
  const open = new Set();
  let all = false;
  const tools = () => setup.value.tools;
  const change = (next, more = {}) => { setup.change({ tools: next, ...more }); paint(); };
  const versionsOf = (name) => catalogue.find((tool) => tool.name === name)?.versions || [];

  const move = (index, step) => {
    const next = [...tools()];
    const [tool] = next.splice(index, 1);
    next.splice(index + step, 0, tool);
    change(next);
    list.children[index + step]?.querySelector("summary")?.focus();
  };
  const remove = (index) => {
    const name = toolName(tools()[index]);
    const columns = setup.value.columns.map((column) => (column.versions?.[name] ? { ...column, versions: { ...column.versions, [name]: undefined } } : column));
    change(tools().filter((_, at) => at !== index), { columns });
  };
  const replace = (index, tool) => change(tools().map((one, at) => (at === index ? tool : one)));

  const edit = async (index) => {
    const tool = tools()[index];
    const definition = tool.definition || (await fetch(urls.version.replace("/0/", `/${tool.version}/`), { headers: { accept: "application/json" } }).then((answer) => answer.json())).definition;
    editDialog.open({
      title: `Edit a copy of ${toolName(tool)}`, text: JSON.stringify(definition, null, 2),
      apply: async (text) => {
        const found = await readTools(urls, text);
        if (found.length !== 1) throw new Error(`One tool is expected here, and this is ${found.length}`);
        replace(index, { definition: found[0].definition, name: found[0].name, base: tool.base || (tool.version ? { id: tool.version, number: tool.number } : null) });
      },
    });
  };

  const answers = (name) => {
    const answer = setup.value.answers[name] || { mode: "hand" };
    const set = (patch) => setup.change({ answers: { ...setup.value.answers, [name]: { ...answer, ...patch } } });
    const content = answer.mode === "fixed" ? h("textarea", { class: "inp mono", rows: 3, spellcheck: "false", "aria-label": `Fixed answer of ${name}`, placeholder: '{"result": …}', value: answer.content || "",
      on: { input: (event) => { answer.content = event.target.value; set({ content: event.target.value }); } } }) : null;
    return [h("label", { class: "lab" }, "Calls are answered", h("select", { class: "sel", on: { change: (event) => { set({ mode: event.target.value }); paint(); } } },
      Object.entries(MODES).map(([mode, label]) => h("option", { value: mode, selected: mode === answer.mode, text: label })))), content];
  };

  const versionField = (tool, index) => {
    const versions = versionsOf(toolName(tool));
    if (!versions.length) return null;
    const value = tool.definition ? "" : String(tool.version);
    return h("label", { class: "lab" }, "Version", h("select", { class: "sel", on: { change: (event) => {
      const chosen = versions.find((version) => String(version.id) === event.target.value);
      if (chosen) replace(index, { version: chosen.id, number: chosen.number, name: toolName(tool) });
    } } }, tool.definition ? h("option", { value: "", selected: true, text: "Edited copy" }) : null,
    versions.map((version) => h("option", { value: String(version.id), selected: String(version.id) === value, text: `v${version.number}${version.origin === "observed" ? ", observed" : ""}` }))));
  };

  const badge = (tool) => (tool.definition ? h("span", { class: "ver draft", text: tool.base ? `v${tool.base.number}, edited copy` : "pasted" }) : h("span", { class: "ver", text: `v${tool.number}` }));
  const badges = (tool) => {
    const name = toolName(tool);
    const own = setup.value.columns.filter((column) => column.versions?.[name]);
    if (!own.length) return badge(tool);
    return h("span", { class: "ab" }, setup.value.columns.map((column) => [h("b", { text: column.letter }), columnOf(setup.value, column.letter).versions?.[name] ? h("span", { class: "ver", text: `v${column.versions[name].number}` }) : badge(tool)]));
  };

  const row = (tool, index) => {
    const name = toolName(tool);
    const mode = setup.value.answers[name]?.mode || "hand";
    const details = h("details", { class: "tl-i", open: open.has(name), on: { toggle: () => { if (details.open) open.add(name); else open.delete(name); } } },
      h("summary", {}, h("span", { class: "hs" }, icon("function"), h("span", { class: "tn wire trunc" }, visible(name))),
        h("span", { class: "hs" }, mode === "hand" ? null : h("span", { class: "tiny muted", text: SHORT[mode] }), badges(tool), icon("chevron-down"))),
      h("div", { class: "tl-b2" }, versionField(tool, index), answers(name),
        h("div", { class: "hs w" }, button("Edit a copy", "pencil", () => edit(index).catch((error) => Misfire.toast({ title: "The definition could not be read", text: error.message, kind: "error" })), { class: "btn sm" }),
          h("span", { class: "grow" }), iconButton(`Move ${name} up`, "arrow-up", () => move(index, -1), { disabled: index === 0 }),
          iconButton(`Move ${name} down`, "arrow-down", () => move(index, 1), { disabled: index === tools().length - 1 }),
          iconButton(`Remove ${name}`, "trash", () => remove(index)))));
    return h("li", { class: Object.keys(setup.value.columns.find((column) => column.versions?.[name]) || {}).length ? "dif" : "" }, details);
  };

  // One choice for the whole run: every tool's calls are answered this way.
  const paintAll = (found) => {
    allField.parentNode.hidden = !found.length;
    const modes = new Set(found.map((tool) => setup.value.answers[toolName(tool)]?.mode || "hand"));
    fill(allField, modes.size > 1 ? h("option", { value: "", selected: true, text: "As each tool says" }) : null,
      Object.entries(MODES).map(([mode, label]) => h("option", { value: mode, selected: modes.size === 1 && modes.has(mode), text: label })));
  };
  allField.addEventListener("change", () => {
    if (!allField.value) return;
    const answered = Object.fromEntries(tools().map((tool) => [toolName(tool), { ...setup.value.answers[toolName(tool)], mode: allField.value }]));
    setup.change({ answers: { ...setup.value.answers, ...answered } });
    paint();
  });

  const paint = () => {
    const found = tools();
    paintAll(found);
    meta.textContent = found.length ? `${found.length} offered` : "none offered";
    const shown = all ? found : found.slice(0, SHOWN);
    list.hidden = !found.length;
    fill(list, shown.map(row), shown.length < found.length ? h("li", { class: "small more-l" }, h("button", { class: "lnk", type: "button", text: `${found.length - shown.length} more`, on: { click: () => { all = true; paint(); } } })) : null);
  };
  paint();
  return {
    paint,
    add: (more) => { const names = tools().map(toolName); change([...tools(), ...more.filter((tool) => !names.includes(toolName(tool)))]); },
    replaceAll: (next) => change(next, { answers: setup.value.answers }),
  };
};
