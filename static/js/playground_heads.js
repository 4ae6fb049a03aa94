// The head of a column: its letter and model, what it changes against A, and the menu to change it.
import { h, icon, iconButton, fill } from "./playground_dom.js";
import { columnOf, toolName } from "./playground_setup.js";
import { connectionOptions, routerOptions } from "./playground_settings.js";

const changesOf = (setup, letter) => {
  const column = columnOf(setup, letter);
  const versions = Object.values(column.versions || {}).filter(Boolean).map((version) => h("span", { class: "ver", text: `v${version.number}` }));
  return [...versions, column.system === undefined || column.system === null ? null : h("span", { class: "tg o", text: "own prompt" }),
    column.router === undefined ? null : h("span", { class: "tg o", text: column.router ? "own router" : "no router" })];
};

// head(view, setup, …): fills the column's header and keeps its label equal to the setup.
export const columnHead = (view, setup, { connections, routers, catalogue, remove }) => {
  const { letter } = view;
  const model = h("span", { class: "col-m trunc" });
  const marks = h("span", { class: "hs" });
  const patch = (more) => setup.change({ columns: setup.value.columns.map((column) => (column.letter === letter ? { ...column, ...more } : column)) });

  const versionSelect = (tool) => {
    const name = toolName(tool);
    const versions = catalogue.find((one) => one.name === name)?.versions || [];
    if (!versions.length || (versions.length < 2 && !tool.definition)) return null;
    const own = columnOf(setup.value, letter).versions || {};
    return h("label", { class: "lab" }, h("code", { text: name }), h("select", { class: "sel", on: { change: (event) => {
      const chosen = versions.find((version) => String(version.id) === event.target.value);
      patch({ versions: { ...columnOf(setup.value, letter).versions, [name]: chosen ? { id: chosen.id, number: chosen.number } : undefined } });
    } } }, h("option", { value: "", text: "As in A" }), versions.map((version) => h("option", { value: String(version.id), selected: own[name]?.id === version.id, text: `v${version.number}` }))));
  };

  const menuBody = () => {
    const column = columnOf(setup.value, letter);
    const models = `pg-models-${letter}`;
    const modelList = h("datalist", { id: models });
    const fillModels = () => fill(modelList, (connections.find((one) => one.id === (columnOf(setup.value, letter).connection || setup.value.connection))?.models || []).map((name) => h("option", { value: name })));
    fillModels();
    const own = h("textarea", { class: "inp", rows: 4, "aria-label": `System prompt of column ${letter}`, placeholder: "No system prompt", value: column.system ?? "", hidden: column.system === undefined || column.system === null,
      on: { input: (event) => patch({ system: event.target.value }) } });
    const system = setup.value.messages[0]?.role === "system" ? setup.value.messages[0].content : "";
    return [
      h("label", { class: "lab" }, "Connection", h("select", { class: "sel", on: { change: (event) => { patch({ connection: Number(event.target.value) || null }); fillModels(); } } }, connectionOptions(connections, column.connection, "As in A"))),
      h("label", { class: "lab" }, "Model", h("input", { class: "inp mono", list: models, placeholder: "As in A", value: column.model || "", on: { input: (event) => patch({ model: event.target.value }) } })), modelList,
      h("label", { class: "hs small" }, h("input", { type: "checkbox", class: "form-check-input m0", checked: !own.hidden, on: { change: (event) => {
        own.hidden = !event.target.checked;
        own.value = event.target.checked ? own.value || (typeof system === "string" ? system : "") : own.value;
        patch({ system: event.target.checked ? own.value : null });
      } } }), "Own system prompt"), own,
      routers.length ? h("label", { class: "lab" }, "Router", h("select", { class: "sel", on: { change: (event) => patch({ router: event.target.value === "" ? undefined : Number(event.target.value) }) } },
        routerOptions([{ id: 0, name: "none: all tools" }, ...routers], column.router, "As in A"))) : null,
      ...setup.value.tools.map(versionSelect),
    ];
  };

  const settings = () => {
    const panel = h("div", { class: "menu-pop end col-set" });
    const details = h("details", { class: "menu", on: { toggle: () => { if (details.open) fill(panel, menuBody()); } } },
      h("summary", { class: "btn sm ico gho", "aria-label": `Change column ${letter}`, title: `Change column ${letter}` }, icon("adjustments")), panel);
    return details;
  };

  const paint = () => {
    const column = columnOf(setup.value, letter);
    model.textContent = column.model || setup.value.model || "no model";
    model.title = model.textContent;
    fill(marks, changesOf(setup.value, letter));
  };
  setup.onChange(paint);
  paint();
  view.head.replaceChildren(h("span", { class: `let${letter === "A" ? "" : " b"}`, text: letter }), h("h2", { class: "vh", text: `Column ${letter}` }), model, marks, h("span", { class: "grow" }), view.status, view.tools,
    ...(letter === "A" ? [] : [settings(), iconButton(`Remove column ${letter}`, "x", remove)]));
};
