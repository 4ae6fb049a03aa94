// The last events of a run, folded: what arrived, when, and what it did to the call's validity.
import { h, fill, milliseconds, visible } from "./playground_dom.js";

const LAST = 12;

const effect = (event, before) => {
  if (event.type !== "call.delta") return ["", event.verdict || event.code || event.finish_reason || event.mode || ""];
  if (!event.violation) return ["", "still valid"];
  return before ? ["", "invalid"] : ["bad", `first violation, ${event.violation.pointer || event.violation.code}`];
};

const row = (event, before) => {
  const [kind, text] = effect(event, before);
  const piece = String(event.fragment ?? event.text ?? event.content ?? event.name ?? "").slice(0, 32);
  return h("tr", { class: kind },
    h("td", { class: "r muted num", text: String(event.seq) }), h("td", { text: event.type }), h("td", {}, h("code", { class: "wire" }, visible(piece))),
    h("td", {}, h("span", { class: "muted wire" }, visible(String(text).slice(0, 80)))), h("td", { class: "r muted num", text: milliseconds(event.at ?? 0) }));
};

export const eventList = () => {
  let run = null, seq = -1;
  const body = h("tbody", {});
  const label = h("span", { class: "muted num" });
  const paint = () => {
    if (!node.open || !run || run.seq === seq) return;
    seq = run.seq;
    const last = run.events.slice(-LAST);
    fill(body, last.map((event) => {
      const at = run.events.indexOf(event);
      const before = run.events.slice(Math.max(at - 400, 0), at).some((one) => one.type === "call.delta" && one.round === event.round && one.index === event.index && one.violation);
      return row(event, before);
    }));
  };
  const node = h("details", { class: "fold evs", hidden: true, on: { toggle: () => { seq = -1; paint(); } } },
    h("summary", {}, "Events ", label), h("div", { class: "scroll-x" }, h("table", { class: "evt" }, body)));
  return {
    node,
    show: (next) => {
      if (next !== run) seq = -1;
      run = next;
      node.hidden = !run || !run.seq;
      if (!run) return;
      const first = run.events.slice(-LAST)[0]?.seq ?? 0;
      label.textContent = `seq ${first} to ${run.seq} of the run`;
      paint();
    },
  };
};
