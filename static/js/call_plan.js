// The plan of a turn's calls as a graph, and when they ran as a waterfall: drawings with their text form.
import { h, svg, icon, iconButton, button, plural, visible } from "./playground_dom.js";

const BOX = { width: 168, height: 34, right: 44, below: 12 };
const LONGEST = 22;
const KINDS = {
  reference: "refers to its result", output: "needs its output", write_after_read: "write after a read",
  conflict: "same resource", destructive_last: "destructive last", person: "added by hand",
};
const CARRYING = ["reference", "output"];

const cut = (text, most) => ([...text].length > most ? `${[...text].slice(0, most - 1).join("")}…` : text);
export const seconds = (ms) => (ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(2)} s`);

// Names of calls; with their place in the turn where there are several of one tool.
const namer = (plan) => (key) => {
  const index = plan.calls.findIndex((call) => call.key === key);
  const { name } = plan.calls[index];
  return plan.calls.filter((call) => call.name === name).length > 1 ? `${name} (call ${index + 1})` : name;
};

const words = (tag, text, attributes) => { const node = svg(tag, attributes); node.append(...visible(text)); return node; };

// From one call to another. What passes stages in between runs below their calls.
const line = (from, to, below) => {
  const x1 = from.x + BOX.width, y1 = from.y + BOX.height / 2, x2 = to.x - 5, y2 = to.y + BOX.height / 2;
  if (below === null) {
    const bend = Math.max(18, (x2 - x1) / 2);
    return `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
  }
  const lane = Math.max(y1, below), half = BOX.right / 2;
  return `M${x1} ${y1}C${x1 + half} ${y1} ${x1 + half} ${lane} ${x1 + BOX.right} ${lane}L${to.x - BOX.right} ${lane}C${to.x - half} ${lane} ${to.x - half} ${y2} ${x2} ${y2}`;
};

const graph = (plan, name) => {
  const place = new Map();
  plan.stages.forEach((stage, x) => stage.forEach((key, y) => place.set(key, { stage: x, x: x * (BOX.width + BOX.right) + 1, y: y * (BOX.height + BOX.below) + 1 })));
  const width = plan.stages.length * (BOX.width + BOX.right) - BOX.right + 2;
  const bottom = (stages) => Math.max(...stages.map((stage) => stage.length)) * (BOX.height + BOX.below) - BOX.below / 2;
  const height = bottom(plan.stages) + BOX.below / 2 + 2;
  const edges = plan.dependencies.filter((one) => place.has(one.call) && place.has(one.on)).map((one) => {
    const from = place.get(one.on), to = place.get(one.call);
    const between = plan.stages.slice(from.stage + 1, to.stage), x2 = to.x - 5, y2 = to.y + BOX.height / 2;
    const edge = svg("g", { class: `edge ${CARRYING.includes(one.kind) ? "carries" : "orders"}` },
      svg("path", { d: line(from, to, between.length ? bottom(between) : null) }), svg("path", { class: "tip", d: `M${x2 - 1} ${y2 - 4}L${x2 + 5} ${y2}L${x2 - 1} ${y2 + 4}z` }));
    edge.append(words("title", one.reason, {}));
    return edge;
  });
  const nodes = plan.calls.filter((call) => place.has(call.key)).map((call) => {
    const { x, y } = place.get(call.key);
    return svg("g", { class: `node ${call.effect}` }, svg("rect", { x, y, width: BOX.width, height: BOX.height, rx: 6 }),
      words("text", cut(name(call.key), LONGEST), { x: x + 10, y: y + 21 }));
  });
  const label = `Plan of ${plural(plan.calls.length, "call")} in ${plural(plan.stages.length, "stage")}, ${plural(plan.dependencies.length, "dependency").replace("dependencys", "dependencies")}`;
  return h("div", { class: "plan-x" }, svg("svg", { class: "plan-g", viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": label }, ...edges, ...nodes));
};

const dependencyItem = (one, name, change) => h("li", {},
  h("span", { class: "wire" }, h("b", {}, visible(name(one.call))), " waits for ", h("b", {}, visible(name(one.on))), h("span", { class: "muted" }, ": ", visible(one.reason)), " ", h("span", { class: "tagk", text: KINDS[one.kind] || one.kind })),
  !change ? null : CARRYING.includes(one.kind) ? h("span", { class: "tiny muted", text: "carries a value" })
    : iconButton(`Remove: ${name(one.call)} waits for ${name(one.on)}`, "x", () => change({ remove: [[one.call, one.on]] })));

const addForm = (plan, name, change) => {
  const choice = (label) => h("select", { class: "sel", "aria-label": label }, plan.calls.map((call) => h("option", { value: call.key, text: cut(name(call.key), 40) })));
  const late = choice("Call that waits"), early = choice("Call that comes first");
  late.selectedIndex = plan.calls.length - 1;
  return h("div", { class: "hs w plan-a" }, late, h("span", { class: "small muted", text: "waits for" }), early, button("Add dependency", "plus", () => change({ add: [[late.value, early.value]] })));
};

// planView(plan, {change, refused}): the graph, and each dependency with its reason; change({remove, add}) where a person may.
export const planView = (plan, { change = null, refused = "" } = {}) => {
  const name = namer(plan);
  const problems = Object.entries(plan.problems).map(([key, text]) => h("li", { class: "err" }, h("b", {}, visible(name(key))), ": ", visible(text)));
  return h("div", { class: "plan" }, plan.stages.length ? graph(plan, name) : null,
    plan.dependencies.length || problems.length ? h("ul", { class: "plan-l", "aria-label": "Dependencies" }, plan.dependencies.map((one) => dependencyItem(one, name, change)), problems)
      : h("p", { class: "small muted", text: plan.calls.length > 1 ? "No call waits for another: all run at once." : "One call, which waits for no other." }),
    change && plan.calls.length > 1 ? addForm(plan, name, change) : null,
    refused ? h("p", { class: "err small", role: "alert" }, visible(refused)) : null);
};

const ROW = 26, RIGHT = 70;
// A narrow page gets a drawing of its own: scaled down, its letters could not be read.
const measures = () => (innerWidth < 600 ? { wide: 330, left: 110, most: 14 } : { wide: 720, left: 190, most: LONGEST + 2 });

// waterfall(plan, schedule, {foreseen, notes}): when each call ran, the critical path, and what running at once saved.
export const waterfall = (plan, schedule, { foreseen = false, notes = {} } = {}) => {
  const name = namer(plan);
  const rows = plan.calls.filter((call) => schedule.spans[call.key]);
  if (!rows.length) return h("p", { class: "small muted", text: "No call ran." });
  const first = Math.min(...rows.map((call) => schedule.spans[call.key][0]));
  const total = Math.max(schedule.total_ms, 1);
  const { wide, left, most } = measures();
  const at = (ms) => left + ((ms - first) / total) * (wide - left - RIGHT);
  const lines = rows.flatMap((call, index) => {
    const [begin, end] = schedule.spans[call.key], y = index * ROW, critical = schedule.critical.includes(call.key);
    return [words("text", cut(name(call.key), most), { x: 0, y: y + 17, class: "lb" }), svg("line", { x1: left, x2: wide - RIGHT, y1: y + 24.5, y2: y + 24.5, class: "rule" }),
      svg("rect", { x: at(begin), y: y + 6, width: Math.max(2, at(end) - at(begin)), height: 12, rx: 2, class: critical ? "took crit" : "took" }),
      words("text", seconds(end - begin), { x: at(end) + 6, y: y + 16, class: "ms" })];
  });
  const spoken = rows.map((call) => `${name(call.key)} from ${seconds(schedule.spans[call.key][0] - first)} to ${seconds(schedule.spans[call.key][1] - first)}${notes[call.key] ? `, ${notes[call.key]}` : ""}`);
  const path = schedule.critical.map(name).join(" → ");
  const saved = schedule.saved_ms >= 1 ? `${seconds(schedule.saved_ms)} saved against serial (${seconds(schedule.serial_ms)})` : "nothing saved against serial";
  return h("div", { class: "fall" },
    h("p", { class: "small" }, foreseen ? "Run at once, the calls would take " : "The calls took ", h("b", { class: "num", text: seconds(schedule.total_ms) }), ", ", h("b", { class: "num", text: saved }), "."),
    h("div", { class: "plan-x" }, svg("svg", { class: "fall-g", viewBox: `0 0 ${wide} ${rows.length * ROW}`, width: wide, height: rows.length * ROW, role: "img", "aria-label": `Waterfall: ${spoken.join("; ")}` }, ...lines)),
    h("p", { class: "small muted" }, h("span", { class: "sw crit" }), " Critical path: ", h("span", { class: "wire" }, visible(path))),
    Object.keys(notes).some((key) => notes[key]) ? h("ul", { class: "plan-l" }, rows.filter((call) => notes[call.key]).map((call) => h("li", {}, h("span", { class: "wire" }, h("b", {}, visible(name(call.key))), ": ", visible(notes[call.key]))))) : null);
};

export const planTitle = (plan) => h("h3", {}, icon("route"), "Plan", h("span", { class: "muted", text: plural(plan.calls.length, "call") }));
