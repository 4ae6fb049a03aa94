// One run as data: what its events add up to. Each event counts once, in the order of its number.

export const newRun = (known) => ({
  id: null, ref: null, column: "A", trial: 1, group: null, status: "starting", seq: 0, at: 0,
  conversation: null, tools: [], model: "", rounds: [], events: [], usage: null, error: null,
  verdict: null, turns: 0, dirty: true, since: null, ...known,
});

export const OVER = ["finished", "cancelled", "failed", "interrupted"];
export const isOver = (run) => OVER.includes(run.status);
const KEPT_EVENTS = 200;

const roundOf = (run, number) => {
  let round = run.rounds.find((one) => one.number === number);
  if (!round) {
    round = { number, turn: null, items: [], finishReason: null, latency: null, firstToken: null, findings: [], over: false, plan: null, executable: [], planRefused: "", planBegun: false, schedule: null };
    run.rounds.push(round);
  }
  return round;
};

const callOf = (run, event) => {
  const { items } = roundOf(run, event.round);
  const choice = event.choice ?? 0;
  const match = (item) => item.kind === "call" && (event.index === undefined ? item.key === event.key : item.index === event.index && item.choice === choice);
  let call = items.find(match);
  if (!call && event.index !== undefined) {
    call = {
      kind: "call", round: event.round, index: event.index, choice, id: null, key: null, name: "", args: "", fragments: 0, ticks: [],
      violation: null, violatedAt: null, firstAt: null, lastAt: null, state: "assembling", version: null,
      verdict: null, layers: [], findings: [], mode: null, step: null, held: null, retries: 0, hit: null, result: null, changed: 0,
    };
    items.push(call);
  }
  return call;
};

const addText = (run, event) => {
  const { items } = roundOf(run, event.round);
  const kind = event.reasoning ? "reasoning" : "text";
  const choice = event.choice ?? 0;
  const last = items.at(-1);
  if (last?.kind === kind && last.choice === choice) last.text += event.text;
  else items.push({ kind, choice, text: event.text });
};

// Ticks share a place once there are many: a strip has no more than 400 pixels.
const addTick = (call, tick) => {
  call.ticks.push(tick);
  if (call.ticks.length > 1200) call.ticks = call.ticks.filter((one, index) => index % 2 === 0 || one.first);
};

const addFragment = (run, event) => {
  const call = callOf(run, event);
  call.fragments += 1;
  call.name = event.name ?? call.name;
  if (event.field === "arguments") call.args += event.fragment;
  call.firstAt ??= event.at;
  call.lastAt = event.at;
  const first = Boolean(event.violation) && !call.violation;
  if (event.violation) { call.violation ??= event.violation; call.violatedAt ??= call.fragments; }
  addTick(call, { at: event.at, field: event.field, bad: Boolean(call.violation), first });
  call.changed += 1;
};

const update = (call, changes) => { if (call) { Object.assign(call, changes); call.changed += 1; } };

// What no round told stays unknown; it is never zero.
const sum = (before, more) => ((before ?? more ?? null) === null ? null : (before ?? 0) + (more ?? 0));
const addUsage = (run, event) => {
  const before = run.usage || {};
  run.usage = {
    input: sum(before.input, event.input_tokens), output: sum(before.output, event.output_tokens),
    cached: sum(before.cached, event.cached_input_tokens), reasoning: sum(before.reasoning, event.reasoning_tokens),
    cost: (before.cost ?? 0) + Number(event.cost ?? 0), unpriced: Boolean(before.unpriced || event.unpriced) || event.cost === null,
  };
};

const STEPS = {
  "run.started": (run, event) => Object.assign(run, {
    status: "running", conversation: event.conversation, group: event.group ?? run.group, column: event.column ?? run.column,
    trial: event.trial ?? run.trial, model: event.model, connection: event.connection, tools: event.tools ?? [], routed: event.routed ?? "", promptBytes: event.prompt_bytes ?? null,
  }),
  "round.started": (run, event) => { Object.assign(roundOf(run, event.round), { turn: event.turn, begun: event.at ?? 0 }); run.status = "running"; },
  "text.delta": addText,
  "call.started": (run, event) => update(callOf(run, event), { id: event.id ?? null }),
  "call.delta": addFragment,
  "call.completed": (run, event) => update(callOf(run, event), {
    state: "completed", key: event.key, id: event.id, name: event.name, args: event.arguments, version: event.version,
    verdict: event.verdict, layers: event.layers ?? [], findings: event.findings ?? [],
  }),
  "call.waiting": (run, event) => { update(callOf(run, event), { state: "waiting" }); run.status = "waiting"; },
  "calls.planned": (run, event) => {
    const round = roundOf(run, event.round);
    Object.assign(round, { plan: event.plan, executable: event.executable ?? [], planRefused: event.refused ?? "" });
    for (const item of round.items) if (item.kind === "call") update(item, { executable: round.executable.includes(item.key) });
  },
  "calls.executed": (run, event) => Object.assign(roundOf(run, event.round), { schedule: event.schedule }),
  "call.executing": (run, event) => {
    const call = callOf(run, event);
    if (!call) return;
    update(call, { state: "executing", mode: event.mode, step: event, held: event.step === "held" ? event : null, retries: call.retries + (event.step === "retried" ? 1 : 0), hit: event.step === "cached" ? event : call.hit });
    if (event.mode === "execute") roundOf(run, event.round).planBegun = true;
    run.status = waitingCalls(run).length || heldCalls(run).length ? "waiting" : "running";
  },
  "call.result": (run, event) => {
    const call = callOf(run, event);
    const judged = event.verdict ? { verdict: event.verdict, layers: event.layers ?? call?.layers } : {};
    update(call, { state: "answered", held: null, result: event, ...judged });
    if (!waitingCalls(run).length && !heldCalls(run).length) run.status = "running";
  },
  usage: addUsage,
  "round.finished": (run, event) => Object.assign(roundOf(run, event.round), {
    over: true, turn: event.turn, finishReason: event.finish_reason, latency: event.latency_ms, firstToken: event.first_token_ms, findings: event.findings ?? [],
  }),
  "run.finished": (run, event) => end(run, { status: event.status, verdict: event.verdict, turns: event.turns }),
  "run.failed": (run, event) => end(run, { status: event.status || "failed", error: event, failedAt: Date.now() }),
};

// Nobody can answer a run that is over, nor does what had begun go on.
const end = (run, changes) => {
  for (const call of calls(run)) {
    if (call.state === "waiting" || call.state === "executing") update(call, { state: "unanswered", held: null });
    if (call.state === "assembling") update(call, { state: "cut" });
  }
  Object.assign(run, changes);
};

export const waitingCalls = (run) => run.rounds.flatMap((round) => round.items).filter((item) => item.kind === "call" && item.state === "waiting");
export const heldCalls = (run) => calls(run).filter((call) => call.held);
export const calls = (run) => run.rounds.flatMap((round) => round.items).filter((item) => item.kind === "call");

// "applied", "known" (seen before) or "gap" (an event before it is missing: resume after run.seq).
export const apply = (run, event) => {
  if (event.seq <= run.seq) return "known";
  if (event.seq > run.seq + 1) return "gap";
  run.seq = event.seq;
  run.at = event.at ?? run.at;
  run.seenAt = performance.now();
  if (run.status === "starting") run.status = "running";
  STEPS[event.type]?.(run, event);
  run.events.push(event);
  if (run.events.length > KEPT_EVENTS * 2) run.events.splice(0, KEPT_EVENTS);
  run.dirty = true;
  return "applied";
};

// The round whose request the model has, and of which nothing came yet.
export const readingRound = (run) => {
  const last = run.rounds.at(-1);
  return run.status === "running" && last && !last.over && !last.items.length ? last : null;
};

// Milliseconds of the run by now: between events its clock goes on by itself.
export const elapsed = (run) => (run.at || 0) + (run.seenAt && !isOver(run) ? performance.now() - run.seenAt : 0);

// Milliseconds from the first model call to its first token.
export const firstToken = (run) => {
  if (run.rounds[0]?.firstToken) return run.rounds[0].firstToken;
  const begun = run.events.find((event) => event.type === "round.started")?.at ?? 0;
  const first = run.events.find((event) => event.type === "text.delta" || event.type === "call.started");
  return first ? first.at - begun : null;
};

export const worst = (run) => {
  const verdicts = calls(run).map((call) => call.verdict);
  return ["rejected", "flagged", "accepted"].find((value) => verdicts.includes(value)) ?? null;
};
