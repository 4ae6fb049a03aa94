// The setup of the playground: what will be asked. It is plain JSON, kept by the server for this
// person, and turned into the requests of a run.

const SAVE_AFTER = 800;

export const EMPTY = {
  title: "", messages: [{ role: "user", content: "" }], tools: [], connection: null, model: "", parameters: {}, extra: "",
  tool_choice: "auto", parallel: null, strict: null, router: null, pause: null, answers: {}, columns: [{ letter: "A" }], trials: 1, group: null, conversation: null, origin: null,
};

// setup(initial, save) → {value, change(patch), onChange(listener), flush()}: patches are merged and saved after a pause.
export const createSetup = (initial, save) => {
  const value = { ...structuredClone(EMPTY), ...initial };
  const listeners = [];
  let timer = null;
  const flush = () => { if (timer) { clearTimeout(timer); timer = null; return save(value); } return null; };
  return {
    value,
    flush,
    onChange: (listener) => listeners.push(listener),
    change: (patch) => {
      Object.assign(value, patch);
      clearTimeout(timer);
      timer = setTimeout(flush, SAVE_AFTER);
      for (const listener of listeners) listener(value);
    },
  };
};

export const columnOf = (setup, letter) => setup.columns.find((one) => one.letter === letter) || { letter };
export const toolName = (tool) => tool.name || tool.definition?.name || tool.definition?.function?.name || "";

// The tools of a column: its own versions in place of the common ones.
export const toolsOf = (setup, letter) => {
  const own = columnOf(setup, letter).versions || {};
  return setup.tools.map((tool) => {
    const version = own[toolName(tool)];
    return version ? { ...tool, version: version.id, number: version.number, definition: undefined } : tool;
  });
};

const messagesOf = (setup, column) => {
  if (column.system === undefined || column.system === null) return setup.messages;
  const rest = setup.messages.filter((message, index) => !(index === 0 && message.role === "system"));
  return column.system.trim() ? [{ role: "system", content: column.system }, ...rest] : rest;
};

const NUMBERS = ["temperature", "max_tokens", "top_p", "seed"];
export const parametersOf = (setup) => {
  const found = {};
  for (const name of NUMBERS) {
    const text = String(setup.parameters[name] ?? "").trim();
    if (text) found[name] = Number(text);
  }
  if (setup.parallel !== null && setup.tools.length) found.parallel_tool_calls = setup.parallel;
  if (setup.strict !== null && setup.tools.length) found.strict = setup.strict;
  return setup.extra.trim() ? { ...found, ...JSON.parse(setup.extra) } : found;
};

const choiceOf = (setup) => (setup.tool_choice.startsWith("tool:")
  ? { type: "function", function: { name: setup.tool_choice.slice(5) } } : setup.tool_choice);

// The router version of a column: its own, none (0), or the common one.
export const routerOf = (setup, letter) => columnOf(setup, letter).router ?? setup.router;

// The request of one run, as the socket takes it.
export const requestOf = (setup, letter, trial, group) => {
  const column = columnOf(setup, letter);
  const tools = toolsOf(setup, letter).map((tool) => (tool.definition ? { definition: tool.definition } : { version: tool.version }));
  return {
    connection: column.connection || setup.connection, model: column.model || setup.model, messages: messagesOf(setup, column), tools,
    tool_choice: setup.tools.length ? choiceOf(setup) : "auto", parameters: parametersOf(setup), stream: true, answers: setup.answers,
    group, column: letter, trial, title: setup.title, ...(setup.conversation ? { conversation: setup.conversation } : {}), ...(routerOf(setup, letter) ? { router: routerOf(setup, letter) } : {}),
    ...(setup.pause === null ? {} : { pause: setup.pause }),
  };
};

const checkNumber = (setup, name, label, low, high) => {
  const text = String(setup.parameters[name] ?? "").trim();
  const value = Number(text);
  return text && !(Number.isFinite(value) && value >= low && value <= high) ? `${label} must be a number from ${low} to ${high.toLocaleString("en")}` : null;
};

const isObject = (text) => { try { const value = JSON.parse(text); return value !== null && typeof value === "object" && !Array.isArray(value); } catch { return false; } };

const checkMessages = (setup) => {
  const { messages } = setup;
  if (!messages.length) return "Add a message";
  const empty = messages.findIndex((message) => ["user", "system", "developer"].includes(message.role) && (!message.content || !message.content.length));
  return empty >= 0 ? `Message ${empty + 1} is empty: write it, or delete it` : null;
};

const checkTools = (setup) => {
  const names = setup.tools.map(toolName);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice) return `Two tools are named ${twice}: remove one`;
  if (setup.tool_choice === "required" && !names.length) return "Tool choice is required, and no tool is offered: add one";
  if (setup.tool_choice.startsWith("tool:") && !names.includes(setup.tool_choice.slice(5))) return `Tool choice names ${setup.tool_choice.slice(5)}, which is not offered`;
  return null;
};

// Why a run cannot start; an empty list when it can.
export const reasonsAgainst = (setup, { connections, mayRun, drafts = [] }) => {
  const known = new Set(connections.map((one) => one.id));
  const columns = setup.columns.map((column) => [column.letter, column.connection || setup.connection, column.model || setup.model]);
  return [
    mayRun ? null : "Your role is viewer: an admin can make you a responder, who may run",
    connections.length ? null : "This project has no connection to a model: add one",
    ...columns.map(([letter, connection]) => (connections.length && !known.has(connection) ? `Column ${letter} has no connection: choose one` : null)),
    ...columns.map(([letter, connection, model]) => (known.has(connection) && !model.trim() ? `Column ${letter} names no model: choose one` : null)),
    checkMessages(setup), checkTools(setup), ...drafts,
    checkNumber(setup, "temperature", "Temperature", 0, 2), checkNumber(setup, "max_tokens", "Max tokens", 1, 10000000),
    checkNumber(setup, "top_p", "Top p", 0, 1), checkNumber(setup, "seed", "Seed", -9007199254740991, 9007199254740991),
    !setup.extra.trim() || isObject(setup.extra) ? null : "The extra parameters are not a JSON object",
    Number.isInteger(setup.trials) && setup.trials >= 1 && setup.trials <= 20 ? null : "Trials must be a whole number from 1 to 20",
    ...Object.entries(setup.answers).map(([name, answer]) => (answer.mode === "fixed" && !answer.content?.trim() ? `The fixed answer of ${name} is empty: write it` : null)),
  ].filter(Boolean);
};
