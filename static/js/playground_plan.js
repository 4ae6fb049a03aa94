// The plan of a round in a column: shown before its calls run, changed by a person, and what came of it.
import { h, icon, button, fill } from "./playground_dom.js";
import { planTitle, planView, waterfall } from "./call_plan.js";

// planPanel(round, {execute, change, mayRun}) → {node, update()}
export const planPanel = (run, round, context) => {
  let shown = "";
  const node = h("section", { class: "pn plan-p", "aria-label": `Plan of round ${round.number}` });
  const open = () => round.items.filter((item) => item.kind === "call" && item.state === "waiting" && round.executable.includes(item.key));
  const update = () => {
    const waiting = open().map((call) => call.key);
    const key = JSON.stringify([round.plan, round.planRefused, round.schedule, waiting, round.planBegun]);
    if (key === shown) return;
    shown = key;
    node.hidden = !round.plan || (round.plan.calls.length < 2 && !round.schedule);
    if (node.hidden) return;
    const may = context.mayRun && waiting.length && !round.planBegun;
    fill(node, h("div", { class: "pn-h" }, planTitle(round.plan), waiting.length && context.mayRun ? h("div", { class: "end" },
      button(waiting.length > 1 ? "Execute all" : "Execute", "bolt", () => context.execute(run, waiting), { class: "btn sm pri" })) : null),
    h("div", { class: "pn-b" }, planView(round.plan, { change: may ? (patch) => context.changePlan(run, round, patch) : null, refused: round.planRefused }),
      round.schedule ? waterfall(round.plan, round.schedule) : null));
  };
  update();
  return { node, update };
};

// What would be sent, for a person to refuse or to agree to: confirmDialog(dialog, answer) → {look(runs, open)}
export const confirmDialog = (dialog, decide) => {
  const body = dialog.querySelector("[data-preview]");
  const left = new Set();
  let now = null;
  const tell = (agree) => {
    const { run, call } = now;
    left.add(call);
    dialog.close();
    decide(run, call, agree);
  };
  dialog.querySelector("[data-agree]").addEventListener("click", () => tell(true));
  dialog.querySelector("[data-refuse]").addEventListener("click", () => tell(false));
  dialog.addEventListener("close", () => { if (now) left.add(now.call); now = null; });
  const show = (run, call) => {
    now = { run, call };
    const { line, parts } = call.held.preview;
    dialog.querySelector("[data-tool]").textContent = call.held.name;
    fill(body, h("pre", { class: "rs wire sent-line", text: line }), Object.entries(parts).map(([name, value]) => [h("h3", { text: name }), h("pre", { class: "rs wire", text: value })]));
    dialog.showModal();
    dialog.querySelector("[data-refuse]").focus();
  };
  return {
    // Opens for the first call that is held and was not looked at; one that was decided elsewhere closes.
    look: (held) => {
      if (now && !now.call.held) { now = null; dialog.close(); }
      if (now || document.querySelector("dialog[open]")) return;
      const next = held.find(({ call }) => !left.has(call));
      if (next) show(next.run, next.call);
    },
    show,
  };
};

export const heldBox = (call, context) => h("div", { class: "call-s answer" }, h("p", { class: "hs ink2 small" }, icon("shield-lock"), "Destructive: it waits for your word before anything is sent."),
  h("pre", { class: "rs wire", text: call.held.preview.line }),
  context.mayRun ? h("div", { class: "hs w mt8" }, h("button", { class: "btn pri", type: "button", on: { click: () => context.look(call) } }, "Look and decide")) : null);
