// The playground page: setup at the left, columns at the right, one socket for all runs.
import { h, icon, fill } from "./playground_dom.js";
import { createSetup, reasonsAgainst, requestOf } from "./playground_setup.js";
import { createRuns } from "./playground_runs.js";
import { messagesPanel, readConversation } from "./playground_messages.js";
import { toolsPanel, readTools } from "./playground_tools.js";
import { jsonDialog, toolPicker } from "./playground_dialogs.js";
import { settingsPanel } from "./playground_settings.js";
import { column } from "./playground_column.js";
import { columnHead } from "./playground_heads.js";
import { confirmDialog } from "./playground_plan.js";

const data = JSON.parse(document.getElementById("pg-data").textContent);
const { urls, connections, routers, catalogue } = data;
const page = document.querySelector(".pgd");
const at = (selector) => document.querySelector(selector);
const say = (text) => { at("#pg-live").textContent = text; };
const headers = { accept: "application/json", "content-type": "application/json", "x-csrftoken": Misfire.csrf() };

// ---- the setup is kept for this person
const saved = at("#pg-saved");
const save = async (value) => {
  try {
    const body = JSON.stringify(value);
    const answer = await fetch(urls.save, { method: "POST", headers, body, keepalive: body.length < 60000 });
    saved.textContent = answer.ok ? "Setup kept" : `The setup could not be kept (${answer.status})`;
    if (answer.status === 401) onState("signed_out");
  } catch { saved.textContent = "The setup is not kept: the console does not answer"; }
};
const setup = createSetup(data.setup, save);
addEventListener("pagehide", () => setup.flush());
document.addEventListener("visibilitychange", () => { if (document.hidden) setup.flush(); });

// ---- panels
const jsonEditor = jsonDialog(at("#pg-json"));
const messages = messagesPanel({ list: at("#pg-messages"), meta: at("#pg-messages-meta"), add: at("#pg-message-add") }, setup);
const tools = toolsPanel({ list: at("#pg-tools"), meta: at("#pg-tools-meta"), all: at("#pg-tools-all"), urls, catalogue, editDialog: jsonEditor }, setup);
settingsPanel(page, setup, { connections, routers });
const picker = toolPicker({ dialog: at("#pg-pick"), catalogue, urls, toolsUrl: urls.toolList, paste: jsonEditor }, tools.add);
at("#pg-tool-add").addEventListener("click", picker.open);
at("#pg-paste").addEventListener("click", () => jsonEditor.open({
  title: "Paste a conversation", hint: "A list of OpenAI chat messages, or an object with messages and tools. It replaces what is here.", action: "Replace messages",
  apply: async (text) => {
    const found = readConversation(text);
    const offered = found.tools?.length ? await readTools(urls, JSON.stringify(found.tools)) : null;
    detach();
    messages.replace(found.messages);
    if (offered) tools.replaceAll(offered.map(({ definition, name }) => ({ definition, name, base: null })));
  },
}));
const detach = () => {
  setup.change({ conversation: null, origin: null });
  for (const node of [at("#pg-origin"), at("#pg-detach")]) node?.remove();
  at("#pg-title").hidden = false;
};
at("#pg-detach")?.addEventListener("click", () => { detach(); at("#pg-title").focus(); });
at("#pg-clear").addEventListener("click", () => {
  setup.change({ messages: [{ role: "user", content: "" }], tools: [], answers: {}, conversation: null, origin: null, columns: [{ letter: "A" }], tool_choice: "auto" });
  setup.flush();
  location.assign(urls.playground);
});

// ---- the line to the console
const banner = at("#pg-banner");
const probe = async () => {
  const answer = await fetch(urls.recent, { headers: { accept: "application/json" } });
  return { 401: "signed_out", 403: "forbidden", 404: "forbidden" }[answer.status] || "";
};
const STATES = {
  lost: ["wifi-off", "The line to the console is down. Runs go on; this page resumes them when it is back."],
  signed_out: ["lock", "Your sign-in has expired. Runs go on. Sign in again, then resume here."],
  forbidden: ["shield-lock", "You may no longer use this project’s playground. An admin of the project can change that."],
};
const onState = (state) => {
  banner.hidden = state === "open";
  if (state === "open") return;
  const [name, text] = STATES[state];
  fill(banner, icon(name), h("span", {}, text, " ",
    state === "signed_out" ? h("a", { href: urls.signIn, target: "_blank", rel: "noopener", text: "Sign in" }) : null, state === "signed_out" ? " " : null,
    state === "forbidden" ? null : h("button", { class: "lnk", type: "button", text: "Resume", on: { click: () => runs.retry() } })));
};
// The list of recent runs refreshes by itself: signed out, it must not take the page away.
document.body.addEventListener("htmx:beforeOnLoad", (event) => {
  if (event.detail.xhr.status !== 401) return;
  event.preventDefault();
  onState("signed_out");
});
addEventListener("focus", () => { if (!banner.hidden) runs.retry(); });
const onRefused = (event) => {
  if (event.code === "signed_out") { onState("signed_out"); return; }
  if (event.reasons?.length) showReasons(event.reasons);
  else if (!event.ref) Misfire.toast({ title: "The console refused", text: event.detail || event.code, kind: "error" });
};

let addressed = "";
const onStarted = (run) => {
  if (run.group === addressed) return;
  addressed = run.group;
  history.pushState({}, "", urls.run.replace(data.anyRun, run.id));
  document.body.dispatchEvent(new CustomEvent("runs-changed"));
};
addEventListener("popstate", () => location.reload());
const onChange = (changed) => {
  for (const view of views) if (view.runs.some((run) => changed.includes(run)) || (view.letter !== "A" && changed.includes(views[0].run))) view.update();
  paintRunBar();
  if (data.mayRun) confirming.look(runs.held());
  if (changed.some((run) => run.finishedNow === undefined && ["finished", "failed", "cancelled", "interrupted"].includes(run.status))) {
    for (const run of changed) run.finishedNow = true;
    document.body.dispatchEvent(new CustomEvent("runs-changed"));
  }
};
const scheme = location.protocol === "https:" ? "wss" : "ws";
const runs = createRuns({ url: `${scheme}://${location.host}${urls.socket}`, probe, onChange, onStarted, onState, say, onRefused });

// ---- destructive calls ask first
const spoken = (text) => { if (text) Misfire.toast({ title: "Nothing was sent", text, kind: "error" }); };
const confirming = confirmDialog(at("#pg-confirm"), (run, call, agree) => spoken(runs.confirm(run, call, agree)));

// ---- columns
const context = {
  stop: (run) => runs.cancel(run),
  runAgain: (letter) => runColumns([letter]),
  answer: (run, call, content, error) => runs.answer(run, call, content, error),
  mayRun: data.mayRun,
  execute: (run, keys) => { const refused = runs.execute(run, keys); spoken(refused); return refused; },
  changePlan: (run, round, patch) => spoken(runs.changePlan(run, round, patch)),
  look: (run, call) => confirming.show(run, call),
  recorded: async (call) => {
    const answer = await fetch(urls.recorded, { method: "POST", headers, body: JSON.stringify({ name: call.name, arguments: call.args }) });
    return answer.ok ? (await answer.json()).result : null;
  },
  conversationUrl: (run) => urls.conversation.replace(data.anyRun, run.conversation),
  turnUrl: (run, round) => urls.turn.replace(data.anyRun, round.turn),
  baseline: (run) => views[0].runs.find((one) => one.trial === run.trial) || views[0].run,
};
let views = [];
const cols = at("#pg-cols");
const tabs = at("#pg-tabs");
const show = (name) => {
  page.dataset.show = name;
  for (const tab of tabs.children) tab.setAttribute("aria-pressed", String(tab.dataset.show === name));
  for (const view of views) view.node.dataset.shown = String(view.letter === name);
};
const buildColumns = (kept = {}) => {
  views = setup.value.columns.map(({ letter }) => {
    const view = column(letter, context);
    columnHead(view, setup, { connections, routers, catalogue, remove: () => removeColumn(letter) });
    return view;
  });
  cols.replaceChildren(...views.map((view) => view.node));
  cols.dataset.count = views.length;
  for (const view of views) view.show(kept[view.letter] || []);
  fill(tabs, ["Setup", ...views.map((view) => view.letter)].map((name) => h("button", { type: "button", text: name.length > 1 ? name : `Column ${name}`, data: { show: name }, on: { click: () => show(name) } })));
  show(page.dataset.show && (page.dataset.show === "Setup" || views.some((view) => view.letter === page.dataset.show)) ? page.dataset.show : "Setup");
  at("#pg-column-add").disabled = views.length >= 4;
  tools.paint();
  paintRunBar();
};
const removeColumn = (letter) => {
  const kept = {};
  const left = setup.value.columns.filter((one) => one.letter !== letter).map((one, index) => {
    const next = "ABCD"[index];
    kept[next] = views.find((view) => view.letter === one.letter).runs;
    return { ...one, letter: next };
  });
  setup.change({ columns: left });
  buildColumns(kept);
};
at("#pg-column-add").addEventListener("click", () => {
  const kept = Object.fromEntries(views.map((view) => [view.letter, view.runs]));
  const letter = "ABCD"[views.length];
  setup.change({ columns: [...setup.value.columns, { letter }] });
  buildColumns(kept);
  views.at(-1).node.querySelector("summary").focus();
});

// ---- run
const runButton = at("#pg-run");
const stopButton = at("#pg-stop");
const reasonsBox = at("#pg-reasons");
const showReasons = (reasons) => {
  reasonsBox.hidden = !reasons.length;
  fill(reasonsBox, reasons.length ? [icon("alert-triangle"), h("ul", {}, reasons.map((text) => h("li", { text })))] : null);
};
const reasons = () => reasonsAgainst(setup.value, { connections, mayRun: data.mayRun, drafts: messages.drafts() });
const paintRunBar = () => {
  const found = reasons();
  showReasons(found);
  runButton.setAttribute("aria-disabled", String(found.length > 0));
  at("#pg-run-label").textContent = views.length === 1 ? "Run" : views.length === 2 ? "Run both" : `Run all ${views.length}`;
  stopButton.disabled = !runs.live().length;
};
const runColumns = (letters) => {
  const found = reasons();
  showReasons(found);
  if (found.length) { say(`Not started: ${found.join(". ")}`); return; }
  const group = runs.newGroup();
  setup.change({ group });
  for (const view of views.filter((one) => letters.includes(one.letter))) {
    const trials = Array.from({ length: setup.value.trials }, (_, index) => index + 1);
    view.show(trials.map((trial) => runs.start(requestOf(setup.value, view.letter, trial, group))));
  }
  setup.flush();
  show(letters[0]);
  paintRunBar();
  say(`Started ${letters.length} columns`);
};
// A double click or a held key asks once: every run costs.
runButton.addEventListener("click", (event) => { if (event.detail < 2) runColumns(views.map((view) => view.letter)); });
stopButton.addEventListener("click", () => { for (const run of runs.live()) runs.cancel(run); });
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || document.querySelector("dialog[open]")) return;
  event.preventDefault();
  if (!event.repeat) runButton.click();
});
setup.onChange(paintRunBar);
setInterval(() => { for (const view of views) view.tick(); }, 500);

// ---- begin: the runs of the address, or the run that was asked for on another page
const known = {};
for (const run of data.runs) (known[run.column] ||= []).push(runs.resume(run));
addressed = data.runs[0]?.group || "";
buildColumns(known);
const asked = sessionStorage.getItem("misfire.run-again");
sessionStorage.removeItem("misfire.run-again");
if (asked && asked === data.from) runColumns(views.map((view) => view.letter));
