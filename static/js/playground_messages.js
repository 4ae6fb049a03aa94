// The messages: written, reordered by keys, buttons or hand, pasted as a whole conversation.
import { h, icon, iconButton, fill, plural, visible } from "./playground_dom.js";

const ROLES = ["system", "user", "assistant", "tool"];
const MANY = 12;
const PLAIN = ["role", "content", "name", "tool_calls", "tool_call_id", "refusal"];

// A message that the plain fields can show as a whole; any other is edited as JSON.
const isPlain = (message) => (message.content === null || message.content === undefined || typeof message.content === "string")
  && Object.keys(message).every((name) => PLAIN.includes(name)) && ROLES.includes(message.role);
const isMessage = (value) => value !== null && typeof value === "object" && !Array.isArray(value) && typeof value.role === "string";
const rowsFor = (text) => Math.min(Math.max(text.split("\n").reduce((sum, line) => sum + Math.ceil((line.length + 1) / 44), 0), 2), 10);
const preview = (message) => {
  const calls = message.tool_calls?.map((call) => call.function?.name ?? call.type).join(", ");
  const text = typeof message.content === "string" ? message.content : message.content ? JSON.stringify(message.content) : "";
  return (text || (calls ? `calls ${calls}` : "empty")).slice(0, 90);
};

export const messagesPanel = ({ list, meta, add }, setup) => {
  let items = setup.value.messages.map((message) => ({ message, draft: null, json: !isPlain(message), open: null }));
  let dragged = null;

  const save = () => setup.change({ messages: items.map((item) => item.message) });
  const drafts = () => items.flatMap((item, index) => (item.draft === null ? [] : [`Message ${index + 1} is not valid JSON: correct it`]));
  const isOpen = (item, index) => item.open ?? (items.length <= MANY || (index === 0 && item.message.role === "system") || index >= items.length - 2);

  const move = (item, step) => {
    const at = items.indexOf(item);
    const to = at + step;
    if (to < 0 || to >= items.length) return;
    items.splice(at, 1);
    items.splice(to, 0, item);
    save();
    paint();
    list.children[to]?.querySelector(step < 0 ? "[data-up]" : "[data-down]")?.focus();
  };
  const remove = (item) => {
    const at = items.indexOf(item);
    items.splice(at, 1);
    save();
    paint();
    (list.children[Math.min(at, items.length - 1)]?.querySelector("textarea, button") || add).focus();
    Misfire.toast({ title: "Message deleted", action: { label: "Undo", run: () => { items.splice(at, 0, item); save(); paint(); } } });
  };

  // A text of JSON that replaces part of the message once it is right.
  const jsonField = (item, index, label, value, rows, use) => {
    const area = h("textarea", { class: "mb-t mono", rows, spellcheck: "false", "aria-label": `${label} of message ${index + 1}`, value: item.draft ?? JSON.stringify(value, null, 2) });
    const note = h("p", { class: "err" });
    area.addEventListener("input", () => {
      let parsed;
      try { parsed = JSON.parse(area.value); note.textContent = use.check(parsed) || ""; } catch (error) { note.textContent = error.message; }
      const bad = Boolean(note.textContent);
      area.setAttribute("aria-invalid", String(bad));
      item.draft = bad ? area.value : null;
      if (!bad) use.take(parsed);
      save();
    });
    return [area, note];
  };

  const textField = (item, index) => {
    const area = h("textarea", { class: "mb-t", rows: rowsFor(item.message.content || ""), "aria-label": `Content of message ${index + 1}`, value: item.message.content || "",
      placeholder: item.message.role === "assistant" && item.message.tool_calls ? "No text beside the calls" : { system: "How the model should behave", user: "What the user says", assistant: "What the model said", tool: "What the tool answered" }[item.message.role] });
    area.addEventListener("input", () => {
      item.message.content = area.value || (item.message.tool_calls ? null : "");
      area.rows = rowsFor(area.value);
      save();
    });
    return area;
  };

  const fields = (item, index) => {
    const { message } = item;
    if (item.json) return jsonField(item, index, "JSON", message, 8, { check: (value) => (isMessage(value) ? "" : "A message is an object with a role"), take: (value) => { item.message = value; } });
    const calls = message.tool_calls ? [h("p", { class: "lab mb-l", text: "Tool calls" }), ...jsonField(item, index, "Tool calls", message.tool_calls, 8,
      { check: (value) => (Array.isArray(value) ? "" : "Tool calls are a list"), take: (value) => { message.tool_calls = value; } })] : [];
    const id = message.role === "tool" ? h("label", { class: "mb-id" }, "Answers call ", h("input", { class: "inp mono", value: message.tool_call_id || "", placeholder: "call id", "aria-label": `Call id of message ${index + 1}`,
      on: { input: (event) => { message.tool_call_id = event.target.value; save(); } } })) : null;
    return [id, textField(item, index), ...calls];
  };

  const setRole = (item, role) => {
    item.message = { ...item.message, role };
    if (role === "tool") item.message.tool_call_id ??= ""; else delete item.message.tool_call_id;
    if (role !== "assistant") delete item.message.tool_calls;
    item.message.content ??= "";
    save();
    paint();
  };
  const addCalls = (item) => {
    item.message.tool_calls = [{ id: "call_1", type: "function", function: { name: "", arguments: "{}" } }];
    item.message.content ||= null;
    save();
    paint();
  };

  const head = (item, index) => {
    const { message } = item;
    const at = `message ${index + 1}`;
    const roles = ROLES.includes(message.role) ? ROLES : [...ROLES, message.role];
    return h("div", { class: "mb-h" },
      h("span", { class: "grip", title: "Drag to reorder" }, icon("grip-vertical")),
      h("select", { class: "role", "aria-label": `Role of ${at}`, on: { change: (event) => setRole(item, event.target.value) } },
        roles.map((role) => h("option", { value: role, selected: role === message.role, text: role[0].toUpperCase() + role.slice(1) }))),
      isOpen(item, index) ? null : h("button", { class: "mb-p wire trunc", type: "button", "aria-label": `Open ${at}`, on: { click: () => { item.open = true; paint(); } } }, visible(preview(message))),
      h("span", { class: "grow" }),
      h("span", { class: "mb-a" },
        message.role === "assistant" && !message.tool_calls && !item.json ? iconButton(`Add tool calls to ${at}`, "function", () => addCalls(item)) : null,
        iconButton(item.json && isPlain(message) ? `Edit ${at} as text` : `Edit ${at} as JSON`, "braces", () => { if (!item.json || isPlain(message)) { item.json = !item.json; item.draft = null; item.open = true; paint(); } }, { "aria-pressed": String(item.json) }),
        iconButton(`Move ${at} up`, "arrow-up", () => move(item, -1), { data: { up: "" }, disabled: index === 0 }),
        iconButton(`Move ${at} down`, "arrow-down", () => move(item, 1), { data: { down: "" }, disabled: index === items.length - 1 }),
        iconButton(`Delete ${at}`, "trash", () => remove(item))));
  };

  const dragging = (card, item) => {
    card.querySelector(".grip").addEventListener("pointerdown", () => { card.draggable = true; });
    card.addEventListener("dragstart", (event) => { dragged = item; event.dataTransfer.effectAllowed = "move"; event.dataTransfer.setData("text/plain", ""); });
    card.addEventListener("dragend", () => { card.draggable = false; dragged = null; });
    card.addEventListener("dragover", (event) => { if (dragged) { event.preventDefault(); card.dataset.drop = ""; } });
    card.addEventListener("dragleave", () => { delete card.dataset.drop; });
    card.addEventListener("drop", (event) => { event.preventDefault(); if (dragged && dragged !== item) move(dragged, items.indexOf(item) - items.indexOf(dragged)); });
  };

  const cardNode = (item, index) => {
    const card = h("li", { class: "mb-c" }, head(item, index), isOpen(item, index) ? fields(item, index) : null);
    card.addEventListener("keydown", (event) => {
      if (!event.altKey || !["ArrowUp", "ArrowDown"].includes(event.key)) return;
      event.preventDefault();
      move(item, event.key === "ArrowUp" ? -1 : 1);
    });
    dragging(card, item);
    return card;
  };

  const paintMeta = () => {
    const length = items.reduce((sum, item) => sum + (typeof item.message.content === "string" ? item.message.content.length : 0) + (item.message.tool_calls ? JSON.stringify(item.message.tool_calls).length : 0), 0);
    meta.textContent = `≈ ${plural(Math.round(length / 4), "token")}`;
  };
  const paint = () => { fill(list, items.map(cardNode)); paintMeta(); };
  setup.onChange(paintMeta);

  add.addEventListener("click", () => {
    const last = items.at(-1)?.message;
    const message = last?.role === "user" ? { role: "assistant", content: "" } : { role: "user", content: "" };
    items.push({ message, draft: null, json: false, open: true });
    save();
    paint();
    list.lastElementChild.querySelector("textarea").focus();
  });
  paint();
  return {
    drafts,
    replace: (messages) => { items = messages.map((message) => ({ message, draft: null, json: !isPlain(message), open: null })); save(); paint(); },
  };
};

// A pasted text as {messages, tools?}; throws an Error that says what it should have been.
export const readConversation = (text) => {
  let value;
  try { value = JSON.parse(text); } catch (error) { throw new Error(`This is not JSON: ${error.message}`); }
  const record = Array.isArray(value) ? { messages: value } : value?.request?.messages ? value.request : value;
  if (!Array.isArray(record?.messages)) throw new Error("Paste a list of messages, or an object with messages and tools");
  const wrong = record.messages.findIndex((message) => !isMessage(message));
  if (wrong >= 0) throw new Error(`Message ${wrong + 1} is not an object with a role`);
  if (!record.messages.length) throw new Error("The list of messages is empty");
  return { messages: record.messages, tools: Array.isArray(record.tools) ? record.tools : null, model: typeof record.model === "string" ? record.model : "" };
};
