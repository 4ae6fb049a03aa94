// The settings: connection, model, parameters, tool choice. Fields of the page, kept equal to the setup.
import { h, fill } from "./playground_dom.js";
import { toolName } from "./playground_setup.js";

const three = { "": null, yes: true, no: false };
const fromThree = (value) => (value === null || value === undefined ? "" : value ? "yes" : "no");

export const connectionOptions = (connections, chosen, first = null) => [
  first ? h("option", { value: "", selected: !chosen, text: first }) : null,
  ...connections.map((one) => h("option", { value: String(one.id), selected: one.id === chosen, text: one.name })),
];

export const routerOptions = (routers, chosen, first) => [
  h("option", { value: "", selected: chosen === null || chosen === undefined, text: first }),
  ...routers.map((one) => h("option", { value: String(one.id), selected: one.id === chosen, text: one.name })),
];

export const settingsPanel = (root, setup, { connections, routers }) => {
  const field = (name) => root.querySelector(`[data-set="${name}"]`);
  const { value } = setup;
  const models = root.querySelector("#pg-models");

  const fillModels = () => {
    const chosen = connections.find((one) => one.id === setup.value.connection);
    fill(models, (chosen?.models || []).map((name) => h("option", { value: name })));
  };
  const fillConnections = () => fill(field("connection"), connectionOptions(connections, setup.value.connection, setup.value.connection ? null : "Choose a connection"));

  const choose = (id) => {
    const chosen = connections.find((one) => one.id === id);
    const model = chosen && !chosen.models.includes(setup.value.model) ? chosen.models[0] || setup.value.model : setup.value.model;
    setup.change({ connection: id || null, model });
    field("model").value = model;
    fillModels();
  };

  const fillChoice = () => {
    const names = setup.value.tools.map(toolName);
    const chosen = setup.value.tool_choice;
    const options = [["auto", "auto"], ["none", "none"], ["required", "required"], ...names.map((name) => [`tool:${name}`, name])];
    if (!options.some(([key]) => key === chosen)) options.push([chosen, chosen.replace("tool:", "")]);
    const key = options.map(([one]) => one).join("\n");
    if (field("tool_choice").dataset.key === key) { field("tool_choice").value = chosen; return; }
    field("tool_choice").dataset.key = key;
    fill(field("tool_choice"), options.map(([one, label]) => h("option", { value: one, selected: one === chosen, text: label })));
  };

  const show = () => {
    fillConnections();
    fillModels();
    fillChoice();
    field("model").value = setup.value.model;
    for (const name of ["temperature", "max_tokens", "top_p", "seed"]) field(name).value = setup.value.parameters[name] ?? "";
    field("parallel").value = fromThree(setup.value.parallel);
    field("strict").value = fromThree(setup.value.strict);
    field("pause").value = fromThree(setup.value.pause);
    fill(field("router"), routerOptions(routers, setup.value.router, routers.length ? "none: all tools" : "none yet"));
    field("extra").value = setup.value.extra;
    field("title").value = setup.value.title;
    field("trials").value = setup.value.trials;
  };

  field("connection").addEventListener("change", (event) => choose(Number(event.target.value)));
  field("model").addEventListener("input", (event) => setup.change({ model: event.target.value }));
  field("tool_choice").addEventListener("change", (event) => setup.change({ tool_choice: event.target.value }));
  for (const name of ["temperature", "max_tokens", "top_p", "seed"]) {
    field(name).addEventListener("input", (event) => setup.change({ parameters: { ...setup.value.parameters, [name]: event.target.value } }));
  }
  for (const name of ["parallel", "strict", "pause"]) field(name).addEventListener("change", (event) => setup.change({ [name]: three[event.target.value] }));
  field("router").addEventListener("change", (event) => setup.change({ router: Number(event.target.value) || null }));
  field("extra").addEventListener("input", (event) => setup.change({ extra: event.target.value }));
  field("title").addEventListener("input", (event) => setup.change({ title: event.target.value }));
  field("trials").addEventListener("input", (event) => setup.change({ trials: Number(event.target.value) }));
  setup.onChange(fillChoice);
  if (!connections.some((one) => one.id === value.connection) && connections.length) choose(connections[0].id);
  show();
  return { show };
};
