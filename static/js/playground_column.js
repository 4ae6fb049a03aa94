// One column: its runs (one a trial), the chosen one shown as it streams.
import { h, icon, fill, visible, blocks, button, iconButton, verdict, milliseconds, number, plural, FOLD, cutAt } from "./playground_dom.js";
import { isOver, elapsed, firstToken, readingRound, waitingCalls, heldCalls, worst, calls } from "./playground_run.js";
import { callCard } from "./call_card.js";
import { eventList } from "./playground_events.js";
import { failureNote } from "./playground_failure.js";
import { against } from "./playground_diff.js";
import { planPanel } from "./playground_plan.js";

// Text that grows: only what is new is added to the page, and no more than 4 KB unless asked for.
const textView = (item) => {
  let shown = 0, all = false;
  const body = h("div", { class: `wire ${item.kind === "text" ? "reply" : "thought"}` });
  const more = button("", null, () => { all = true; update(); });
  const label = h("span", {});
  const node = item.kind === "text" ? h("div", { class: "said" }, body, more) : h("details", { class: "fold reason" }, h("summary", {}, icon("brain"), label), body, more);
  const update = () => {
    const end = all ? item.text.length : Math.min(item.text.length, cutAt(item.text, FOLD));
    if (end > shown) body.append(...blocks(item.text.slice(shown, end)));
    shown = Math.max(shown, end);
    more.hidden = item.text.length <= shown;
    more.textContent = `Show all ${item.text.length.toLocaleString("en")} characters`;
    label.textContent = `Reasoning, ${plural(item.text.length, "character")}`;
  };
  return { node, update };
};

const STATUS = {
  starting: ["loader-2", "Connecting"], waiting: ["clock-pause", "Waits for you"], finished: ["check", "Finished"],
  cancelled: ["player-stop", "Stopped"], failed: ["circle-x", "Failed"], interrupted: ["plug-connected-x", "Interrupted"],
};
const statusNode = (run) => {
  if (run.status === "running") return h("span", { class: "end hs st-live" }, h("span", { class: "spin" }, icon("loader-2")), h("span", { class: "num", data: { clock: "" } }));
  const [name, label] = STATUS[run.status] || ["circle", run.status];
  return h("span", { class: "end hs ink2" }, icon(name), label);
};

const cost = (usage) => {
  if (!usage) return "–";
  if (usage.unpriced) return "unpriced";
  return `$${usage.cost.toFixed(usage.cost < 0.01 ? 6 : 4)}`;
};
const footer = (run) => h("dl", {}, ...[
  ["In", number(run?.usage?.input)], ["Out", number(run?.usage?.output)], ["Cost", cost(run?.usage)],
  ["First token", milliseconds(run ? firstToken(run) : null)], ["Total", run && !isOver(run) ? run.status === "waiting" ? "waiting" : "running" : milliseconds(run?.at || null)],
].map(([label, value]) => h("div", {}, h("dt", { text: label }), h("dd", { class: /^(–|running|waiting|unpriced)$/.test(value) ? "muted" : "", text: value }))));

// About four bytes are a token; a later round reads the earlier ones, too.
const promptWords = (run) => (run.promptBytes === null || run.rounds.length > 1 ? "" : `, about ${plural(Math.max(1, Math.round(run.promptBytes / 4)), "token")}`);
const waitingNode = (run) => {
  const round = readingRound(run);
  return h("div", { class: "wait" }, h("span", { class: "spin" }, icon("loader-2")), h("span", {},
    round ? `The model reads the prompt${promptWords(run)}: ` : "Connecting", round ? h("span", { class: "num", data: { since: String(round.begun) } }) : null));
};

// The last round of a run is not answered: nothing would come of it.
const endsInCall = (run) => calls(run).some((call) => call.round === run.rounds.at(-1).number && call.choice === 0 && !call.result);

const roundHead = (run, round, context) => h("div", { class: "round" },
  h("h3", { text: round.number > 1 ? `Round ${round.number}` : "Round 1" }), round.finishReason ? h("code", { class: "muted wire" }, visible(round.finishReason)) : null,
  h("span", { class: "grow" }), run.conversation && round.turn ? h("a", { href: context.turnUrl(run, round), text: "Turn" }) : null);

const roundFindings = (round) => round.findings.length ? h("p", { class: "note w" }, icon("flag"),
  h("span", {}, ...round.findings.flatMap((finding) => [h("code", { text: finding.code }), " ", h("span", { class: "wire" }, visible(finding.message)), " "]))) : null;

// column(letter, context) → {node, head, show(runs), update(), tick()}
export const column = (letter, context) => {
  let runs = [], chosen = 0, views = new Map(), failure = null;
  const status = h("span", { class: "end" });
  const tools = h("span", { class: "hs" });
  const head = h("header", { class: "col-h" });
  const strip = h("div", { class: "trials", hidden: true, role: "group", "aria-label": `Trials of column ${letter}` });
  const items = h("div", { class: "said-l" });
  const after = h("div", { class: "said-l" });
  const events = eventList();
  const body = h("div", { class: "col-b", tabindex: "0", role: "region", "aria-label": `Output of column ${letter}` }, items, after, events.node);
  const foot = h("footer", { class: "col-f" });
  const node = h("section", { class: "col", "aria-label": `Column ${letter}`, data: { column: letter } }, head, strip, body, foot);
  const empty = h("div", { class: "wait" }, icon("sparkles"), "Run to see here what the model says and calls.");

  const view = (item, run) => {
    if (!views.has(item)) {
      const made = item.kind === "call" ? callCard(item, { letter, recorded: context.recorded, answer: (call, content, error) => context.answer(run, call, content, error), execute: (call) => context.execute(run, [call.key]), look: (call) => context.look(run, call), mayRun: context.mayRun }) : textView(item);
      views.set(item, made);
    }
    return views.get(item);
  };

  const paintItems = (run) => {
    const wanted = [];
    for (const round of run.rounds) {
      if (!views.has(round) || views.get(round).over !== round.over) {
        views.set(round, { over: round.over, head: roundHead(run, round, context), findings: roundFindings(round), plan: views.get(round)?.plan || planPanel(run, round, context) });
      }
      views.get(round).plan.update();
      wanted.push(views.get(round).head);
      for (const item of round.items) { const one = view(item, run); one.update(); wanted.push(one.node); }
      if (!views.get(round).plan.node.hidden) wanted.push(views.get(round).plan.node);
      if (views.get(round).findings) wanted.push(views.get(round).findings);
    }
    const same = wanted.length === items.childNodes.length && wanted.every((one, index) => one === items.childNodes[index]);
    if (!same) items.replaceChildren(...wanted);
  };

  // A part with buttons is built anew only when what it says has changed, so that a press is never lost.
  const once = () => {
    let before = null;
    const changed = (key) => { const is = key !== before; before = key; return is; };
    return changed;
  };
  const afterChanged = once(), stripChanged = once(), headChanged = once();

  const paintAfter = (run) => {
    const live = !isOver(run);
    const silent = live && run.status !== "waiting" && (!run.rounds.length || Boolean(readingRound(run)));
    const invalid = live && calls(run).some((call) => call.state === "assembling" && call.violation);
    const base = letter === "A" || (run.error && !calls(run).length) ? null : context.baseline(run);
    const waiting = waitingCalls(run).length, held = heldCalls(run).length;
    if (!afterChanged([run.ref ?? run.id, run.status, silent, run.rounds.length, invalid, waiting, held, base?.id, base?.status].join())) return;
    if (run.error && !failure) failure = failureNote(run, { runAgain: () => context.runAgain(letter) });
    fill(after,
      run.routed ? h("p", { class: "small muted" }, icon("route"), ` ${run.routed}`) : null,
      silent ? waitingNode(run) : null,
      invalid ? h("p", { class: "note" }, icon("info-circle"), h("span", {}, "The stream goes on so that the whole call is recorded. ", h("button", { class: "lnk", type: "button", text: `Stop ${letter} here`, on: { click: () => context.stop(run) } }))) : null,
      failure?.node,
      run.status === "finished" && endsInCall(run) ? h("p", { class: "note" }, icon("info-circle"), `The model still calls tools after ${plural(run.rounds.length, "round")}, the most that a run makes. Open the last turn in the playground to go on from there.`) : null,
      run.status === "cancelled" ? h("p", { class: "note" }, icon("player-stop"), "Stopped. What arrived is kept.") : null,
      run.status === "waiting" ? h("div", { class: "wait" }, icon("sparkles"), held ? "A destructive call waits for your word." : waiting > 1 ? `The reply appears here when all ${waiting} calls are answered.` : "The reply appears here when you have answered the call.") : null,
      base ? against(run, base) : null);
  };

  const paintStrip = () => {
    strip.hidden = runs.length < 2;
    if (!stripChanged([chosen, ...runs.map((run) => `${run.status}${worst(run)}`)].join()) || strip.hidden) return;
    const over = runs.filter(isOver);
    const good = over.filter((run) => run.status === "finished" && worst(run) === "accepted").length;
    fill(strip, h("span", { class: "small muted num", text: `${good} of ${over.length} accepted` }), ...runs.map((run, index) => h("button", {
      class: `trial ${run.status === "failed" ? "rejected" : worst(run) || ""}`, type: "button", "aria-pressed": String(index === chosen),
      "aria-label": `Trial ${run.trial}: ${run.status}${worst(run) ? `, ${worst(run)}` : ""}`, on: { click: () => { choose(index); } },
    }, icon({ accepted: "check", flagged: "flag", rejected: "x" }[worst(run)] || (isOver(run) ? (run.error ? "x" : "minus") : "loader-2")), String(run.trial))));
  };

  const paintHead = (run) => {
    if (headChanged([run?.ref ?? run?.id, run?.status, run?.conversation].join())) {
      const over = run && isOver(run);
      status.replaceChildren(...(run ? [statusNode(run)] : []));
      fill(tools, run && !over ? iconButton(`Stop ${letter}`, "player-stop", () => context.stop(run)) : null,
        over ? iconButton(`Run ${letter} again`, "refresh", () => context.runAgain(letter)) : null,
        run?.conversation ? h("a", { class: "btn sm ico gho", href: context.conversationUrl(run), title: "Stored conversation", "aria-label": `Stored conversation of column ${letter}` }, icon("messages")) : null);
    }
    paintClock(run);
  };

  // Between events the clock goes on by itself: a model may think for a minute before it speaks.
  const paintClock = (run) => {
    const clock = status.querySelector("[data-clock]");
    if (clock && run) clock.textContent = `${readingRound(run) ? "Reading" : "Streaming"}, ${milliseconds(elapsed(run))}`;
    const since = after.querySelector("[data-since]");
    if (since && run) since.textContent = `${((elapsed(run) - Number(since.dataset.since)) / 1000).toFixed(1)} s`;
  };

  const update = () => {
    paintStrip();
    const run = runs[chosen];
    foot.replaceChildren(footer(run));
    if (!run) { paintHead(run); fill(items, empty); fill(after); afterChanged(null); events.show(null); return; }
    paintItems(run);
    paintAfter(run);
    paintHead(run);
    events.show(run);
  };

  const choose = (index) => { chosen = index; views = new Map(); failure = null; update(); };
  return {
    node, head, status, tools, letter, body, update,
    show: (list) => { runs = list; choose(Math.min(chosen, Math.max(list.length - 1, 0))); },
    get runs() { return runs; },
    get run() { return runs[chosen]; },
    tick: () => { failure?.tick(); paintClock(runs[chosen]); },
  };
};
