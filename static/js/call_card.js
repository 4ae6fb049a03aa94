// A tool call as a card: it assembles, is judged layer by layer, and is answered here.
import { h, svg, icon, iconButton, fill, folded, visible, verdict, LAYER_ICONS, milliseconds, plural, wire } from "./playground_dom.js";
import { layOut, LONGEST } from "./playground_layout.js";
import { answerBox } from "./playground_answer.js";
import { heldBox } from "./playground_plan.js";
import { seconds } from "./call_plan.js";

const LIVE_LIMIT = 4096;
const LONG = 600;
const DETAIL = { hand: "by hand", fixed: "by fixed JSON", sample: "sampled from its output schema", recorded: "with a recorded result", execute: "by executing it", executed: "executed", mock: "from a mock" };
const STATUS = { refused: "Not run", held: "Not run", skipped: "Skipped", cancelled: "Cancelled" };

const annotation = (finding) => h("div", { class: `ann l-${finding.layer}${finding.severity === "flagged" ? " w" : ""}` },
  icon(LAYER_ICONS[finding.layer] || "info-circle"),
  h("span", {}, h("code", { text: finding.code }), finding.pointer ? [" ", h("code", { class: "muted wire" }, visible(finding.pointer))] : null,
    h("br"), h("span", { class: "wire" }, folded(finding.message, 600)),
    finding.suggestion && !finding.message.includes(finding.suggestion) ? [" Did you mean ", h("code", { class: "wire" }, visible(finding.suggestion)), "?"] : null));

const ground = (line) => {
  if (!line.findings.length) return "";
  return line.findings.some((finding) => finding.severity !== "flagged") ? " hit" : " hit-w";
};

const lineNode = (line, caret) => {
  const node = h("div", { class: `ln${ground(line)}${line.absent === null ? "" : " gl-row"}` }, "  ".repeat(line.depth));
  if (line.absent !== null) node.append(h("span", { class: "ghost" }, visible(`"${line.absent}": (absent)`)));
  const mark = ground(line) === " hit" ? " sq" : " sq-w";
  for (const token of line.tokens) {
    const [space, text] = token.text.startsWith(" ") ? [" ", token.text.slice(1)] : ["", token.text];
    node.append(space, h("span", { class: `${token.kind}${token.marked ? mark : ""}` }, folded(text, 600)));
  }
  if (caret) node.append(h("span", { class: "caret" }));
  return node;
};

// The lines of a call's arguments, findings beneath the line that they speak of.
export const codeNodes = (text, findings, { live = false } = {}) => {
  const { lines, general } = layOut(text, findings);
  const last = lines.findLastIndex((line) => line.absent === null);
  const nodes = lines.flatMap((line, index) => [lineNode(line, live && index === last), ...line.findings.map(annotation)]);
  return { nodes: [...nodes, ...general.filter((finding) => finding.layer === "syntax").map(annotation)], general };
};

const rawNodes = (text) => [h("div", { class: "raw wire" }, folded(text))];

const STRIP = 400;
const tickStrip = (call) => {
  const from = call.firstAt ?? 0;
  const span = Math.max(call.lastAt - from, 1);
  const seen = new Set();
  const marks = call.ticks.flatMap((tick) => {
    const x = Math.round(((tick.at - from) / span) * (STRIP - 8) + 2);
    const kind = tick.field === "name" ? "fn" : tick.bad ? "fa bad" : "fa";
    if (seen.has(`${x}${kind}`)) return [];
    seen.add(`${x}${kind}`);
    const top = tick.field === "name" ? 8 : 4;
    return [svg("rect", { x, y: top, width: 3, height: 20 - top, class: kind })];
  });
  return svg("svg", { viewBox: `0 0 ${STRIP} 26`, class: "tk", role: "img", preserveAspectRatio: "none", "aria-label": `${plural(call.fragments, "fragment")} so far` },
    svg("line", { x1: 0, x2: STRIP, y1: 20, y2: 20, class: "axl" }), ...marks);
};

const legend = (call) => {
  const names = call.ticks.filter((tick) => tick.field === "name").length;
  const bad = call.ticks.filter((tick) => tick.bad).length;
  const swatch = (kind, label) => h("span", {}, h("span", { class: `sw ${kind}` }), ` ${label}`);
  return h("div", { class: "hs w tiny muted legend" }, names ? swatch("s1", `name ${names}`) : null,
    swatch("s3", `valid ${Math.max(call.ticks.length - names - bad, 0)}`), bad ? swatch("rej", `after violation ${bad}`) : null,
    h("span", { class: "grow" }), h("span", { class: "num", text: `${milliseconds(call.firstAt ?? 0)} → ${milliseconds(call.lastAt ?? 0)}` }));
};

const layerItem = (layer, call) => {
  const value = layer.ran ? layer.verdict : null;
  const kind = { accepted: "ok", flagged: "warn", rejected: "bad" }[value] || "na";
  const name = layer.layer[0].toUpperCase() + layer.layer.slice(1);
  const many = Array.isArray(layer.findings) ? layer.findings.length : layer.findings;
  const note = layer.note || (many ? plural(many, "finding") : layer.ran ? "clean" : "not reached");
  const text = layer.layer === "assembly" && !many ? plural(call.fragments, "fragment") : note;
  const mark = { ok: "check", warn: "flag", bad: "x", na: "minus" }[kind];
  return h("li", { class: kind }, h("b", {}, icon(mark), name), h("span", { class: "wire" }, visible(text)));
};

const layerStrip = (call) => h("ol", { class: "layers", "aria-label": "Verdict by layer, in the order in which they ran" }, call.layers.map((layer) => layerItem(layer, call)));

const state = (call) => {
  if (call.state === "cut" && !call.violation) return h("span", { class: "vd" }, icon("plug-connected-x"), "Cut");
  if (call.state !== "assembling" && call.state !== "cut") return verdict(call.verdict);
  if (call.violation) return verdict("rejected", `Invalid since fragment ${call.violatedAt}`);
  return h("span", { class: "vd" }, icon("circle-dashed"), call.args ? "Still valid" : "Assembling");
};

const result = (call) => {
  const { result: given } = call;
  const how = given.executor ? `executed, ${given.executor}` : DETAIL[given.answered_by] || given.answered_by;
  const facts = [how, given.latency_ms ? milliseconds(given.latency_ms) : null, given.attempts > 1 ? plural(given.attempts, "attempt") : null, given.cost ? `$${given.cost}` : null];
  return h("div", { class: `call-s res${given.error ? " bad" : ""}` },
    h("h3", {}, STATUS[given.status] || (given.error ? "Error" : "Result"), " ", h("span", { class: "muted", text: facts.filter(Boolean).join(", ") })),
    given.cached ? h("p", { class: "small hit-l" }, icon("history"), ` From the cache, ${age(given.cached.age_s)} old${given.cached.shared ? ", shared with an equal call" : ""}: saved ${seconds(given.cached.saved_ms)}${given.cached.saved_cost ? ` and $${given.cached.saved_cost}` : ""}`) : null,
    given.sent === undefined ? null : h("p", { class: "small muted wire" }, "Sent: ", h("code", {}, folded(JSON.stringify(given.sent), 600))),
    wire("pre", given.content, "rs"), (given.findings || []).length ? h("div", { class: "code apart" }, given.findings.map(annotation)) : null,
    (given.notes || []).map((note) => h("p", { class: "small muted wire" }, visible(note))));
};

const age = (s) => (s < 90 ? `${Math.round(s)} s` : s < 5400 ? `${Math.round(s / 60)} min` : `${Math.round(s / 3600)} h`);

// What a call that is executed does just now.
const stepWords = (call) => {
  const { step } = call;
  switch (step?.step) {
    case "queued": return "Waits for its turn in the plan";
    case "started": return `Executing${step.attempt > 1 ? `, attempt ${step.attempt}` : ""} (${step.executor})`;
    case "retried": return `Attempt ${step.attempt} failed: ${step.message}. Again in ${seconds(step.wait_ms)}`;
    case "cached": return "From the cache";
    case "agreed": return `Agreed to by ${step.by}`;
    case "declined": return `Refused by ${step.by}`;
    default: return `Being answered ${DETAIL[call.mode] || call.mode || ""}`;
  }
};

// card(call, {letter, recorded, answer, copyLabel}) → {node, update()}: update() shows what the call has become.
export const callCard = (call, context) => {
  let raw = false, shown = -1, box = null;
  const title = h("span", { class: "tn wire" });
  const tags = h("span", { class: "hs" });
  const end = h("span", { class: "end" });
  const code = h("div", { class: "code nums" });
  const below = h("div", {});
  const toggle = h("span", { class: "seg sm hide-s", role: "group", "aria-label": "View of arguments" },
    ...["Pretty", "Raw"].map((label) => h("button", { type: "button", text: label, "aria-pressed": String(label === "Pretty"), on: { click: () => {
      raw = label === "Raw";
      for (const one of toggle.children) one.setAttribute("aria-pressed", String((one.textContent === "Raw") === raw));
      paintCode();
    } } })));
  const copy = iconButton("Copy arguments", "copy", () => {}, { data: { copy: "" } });
  const node = h("article", { class: "call live" }, h("header", { class: "call-h" }, icon("function"), title, tags, end), code, below);

  const isWhole = () => call.state !== "assembling" && call.state !== "cut";
  const paintCode = () => {
    const live = call.state === "assembling";
    const findings = !isWhole() ? [call.violation].filter(Boolean) : call.findings;
    code.classList.toggle("plain", raw);
    // What is longer than the card scrolls within it, also by keys.
    if (call.args.length > LONG) code.tabIndex = 0;
    if (raw || call.args.length > LONGEST) return fill(code, rawNodes(call.args));
    if (live && call.args.length > LIVE_LIMIT) {
      return fill(code, h("div", { class: "raw wire" }, visible(call.args.slice(0, 600)), h("span", { class: "muted", text: ` … ${call.args.length.toLocaleString("en")} characters so far … ` }),
        visible(call.args.slice(-600)), h("span", { class: "caret" })), findings.map(annotation));
    }
    fill(code, codeNodes(call.args, findings, { live }).nodes);
  };

  const general = () => {
    if (call.args.length > LONGEST) return call.findings.map(annotation);
    const { general: list } = codeNodes(call.args, call.findings);
    return list.filter((finding) => finding.layer !== "syntax").map(annotation);
  };

  const paintBelow = () => {
    if (!isWhole()) return fill(below, h("div", { class: "prog" }, tickStrip(call), legend(call)));
    const found = general();
    box = call.state === "waiting" && context.mayRun !== false ? box || answerBox(call, context) : null;
    fill(below, found.length ? h("div", { class: "code apart" }, found) : null, layerStrip(call), call.ticks.length > 1 ? h("div", { class: "prog" }, tickStrip(call), legend(call)) : null,
      call.held ? heldBox(call, context) : call.state === "executing" ? h("div", { class: "call-s hs ink2 small" }, h("span", { class: "spin" }, icon("loader-2")), h("span", { class: "wire" }, visible(stepWords(call)))) : null,
      box, call.result ? result(call) : null, call.state === "unanswered" ? h("p", { class: "call-s small muted", text: "No answer was given before the run ended." }) : null);
  };

  const update = () => {
    if (shown === call.changed) return;
    shown = call.changed;
    const kind = isWhole() ? call.verdict : call.violation ? "rejected" : "";
    node.className = `call ${kind || ""}${call.state === "assembling" ? " live" : ""}`;
    node.setAttribute("aria-label", `Call ${call.index + 1} of column ${context.letter}: ${call.name || "no name yet"}, ${{ assembling: "being assembled", cut: "cut" }[call.state] || call.verdict}`);
    fill(title, call.name ? folded(call.name, 200) : h("span", { class: "muted", text: "…" }));
    fill(tags, call.version ? h("span", { class: "ver", text: `v${call.version.number}` }) : null, call.id ? h("code", { class: "muted tiny hide-s wire" }, folded(call.id, 60)) : null);
    copy.dataset.copy = call.args;
    fill(end, state(call), isWhole() ? [toggle, copy] : null);
    paintCode();
    paintBelow();
  };
  update();
  return { node, update };
};
