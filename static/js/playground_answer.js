// The box in which a person answers a call: filled from an earlier result, emptied, or made an error.
import { h, icon, visible } from "./playground_dom.js";

const ERROR = JSON.stringify({ error: { status: 500, detail: "The tool failed" } });

export const answerBox = (call, context) => {
  const id = `answer-${context.letter}-${call.round}-${call.index}-${call.choice}`;
  const area = h("textarea", { class: "inp mono", id, rows: 3, spellcheck: "false", placeholder: '{"result": …}' });
  const note = h("p", { class: "hint", role: "status" });
  const mode = (label, run) => h("button", { type: "button", text: label, "aria-pressed": "false", on: { click: (event) => {
    for (const one of event.target.parentNode.children) one.setAttribute("aria-pressed", String(one === event.target));
    run();
  } } });
  const set = (text, words = "") => { area.value = text; note.textContent = words; area.focus(); };
  const takeRecorded = async () => {
    const found = await context.recorded(call).catch(() => null);
    if (!found) return set(area.value, "No result of this tool was recorded in this project yet. Write one, or take it from a run that answers by hand.");
    set(found.content, `A recorded result ${found.note || ""}.`);
  };
  const send = (error) => {
    const refused = context.answer(call, area.value, error);
    note.textContent = refused || "Sent.";
  };
  const pressed = (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); event.stopPropagation(); send(false); }
  };
  area.addEventListener("keydown", pressed);
  const box = h("div", { class: "call-s answer" },
    h("div", { class: "hs w" }, h("label", { class: "sec-l", for: id }, "Answer for ", h("code", { class: "wire" }, visible((call.id || call.name).slice(0, 60)))), h("span", { class: "grow" }),
      h("div", { class: "seg sm", role: "group", "aria-label": "Fill the answer" },
        mode("Recorded", takeRecorded), mode("Empty", () => set("{}")), mode("Error", () => set(ERROR)))),
    area, note,
    h("div", { class: "hs w mt8" },
      h("button", { class: "btn pri", type: "button", on: { click: () => send(false) } }, icon("corner-down-left"), "Answer and continue"),
      h("button", { class: "btn", type: "button", on: { click: () => send(true) } }, "Answer with an error"),
      call.executable ? h("button", { class: "btn", type: "button", on: { click: () => { note.textContent = context.execute(call) || "Sent."; } } }, icon("bolt"), "Execute") : null));
  return box;
};
