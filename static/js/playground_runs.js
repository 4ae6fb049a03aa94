// All runs of the page: started, followed over the socket, resumed, and drawn once a frame.
import { apply, calls, heldCalls, isOver, newRun, worst } from "./playground_run.js";
import { connect } from "./playground_socket.js";

// Random enough for a name, also where the page is not a secure context.
const uuid = () => {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 15) | 64;
  bytes[8] = (bytes[8] & 63) | 128;
  const text = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [text.slice(0, 8), text.slice(8, 12), text.slice(12, 16), text.slice(16, 20), text.slice(20)].join("-");
};

// runs({url, probe, onChange, onStarted, onState, say, onRefused}) → {start, resume, cancel, answer, all, retry}
export const createRuns = ({ url, probe, onChange, onStarted, onState, say, onRefused }) => {
  const byId = new Map(), byRef = new Map(), asked = new Map();
  let frame = 0;

  const draw = () => {
    frame = 0;
    const changed = [...new Set([...byId.values(), ...byRef.values()])].filter((run) => run.dirty);
    for (const run of changed) run.dirty = false;
    if (changed.length) onChange(changed);
  };
  const schedule = () => { frame ||= requestAnimationFrame(draw); };

  const announce = (run, event) => {
    const where = `Column ${run.column}${run.trial > 1 ? `, trial ${run.trial}` : ""}`;
    if (event.type === "call.completed") say(`${where}: call ${event.name} ${event.verdict}, ${(event.findings || []).length} findings`);
    if (event.type === "call.waiting") say(`${where} waits for your answer`);
    if (event.step === "held") say(`${where}: ${event.name} is destructive and waits for your word`);
    if (event.type === "run.finished") say(`${where} ${event.status}`);
    if (event.type === "run.failed") say(`${where} failed: ${event.code}`);
  };

  const bind = (event) => {
    const run = byId.get(event.run) || byRef.get(event.ref);
    if (run && !run.id && event.run) {
      run.id = event.run;
      byId.set(run.id, run);
      byRef.delete(run.ref);
      onStarted(run);
    }
    return run;
  };

  const fail = (run, error) => { Object.assign(run, { status: "failed", error, failedAt: Date.now(), dirty: true }); schedule(); };

  const onError = (event) => {
    const run = byRef.get(event.ref) || byId.get(event.run);
    if (run && !run.id) { byRef.delete(run.ref); fail(run, event); }
    onRefused(event);
  };

  const onEvent = (event) => {
    if (event.type === "pong") { onState("open"); return; }
    if (event.type === "error") { onError(event); return; }
    const run = bind(event);
    if (!run) return;
    const outcome = apply(run, event);
    if (outcome === "gap" && asked.get(run.id) !== run.seq) {
      asked.set(run.id, run.seq);
      socket.send({ type: "run.resume", run: run.id, after: run.seq });
    }
    if (outcome === "applied") { announce(run, event); schedule(); }
  };

  const follow = () => [...byId.values()].filter((run) => !isOver(run)).map((run) => ({ run: run.id, after: run.seq }));
  const stateChanged = (state) => {
    if (state !== "open") for (const run of byRef.values()) if (run.sent) { byRef.delete(run.ref); fail(run, { code: "unknown_start" }); }
    asked.clear();
    onState(state);
  };
  const socket = connect({ url, probe, follow, onEvent, onState: stateChanged });

  // A command of the moment: it is sent now or not at all; "" or why it was not.
  const tell = (run, command) => (socket.send({ ...command, run: run.id }, { keep: false }) ? ""
    : "The line to the console is down, so nothing was sent. It comes back by itself; try again then.");

  return {
    retry: socket.retry,
    newGroup: uuid,
    start: (request) => {
      const run = newRun({ ref: uuid(), column: request.column, trial: request.trial, group: request.group, model: request.model });
      byRef.set(run.ref, run);
      run.sent = socket.isOpen;
      socket.send({ type: "run.start", ref: run.ref, request });
      run.sent = true;
      schedule();
      return run;
    },
    // A run that the server knows: from its first event, or from its stored wire.
    resume: (known) => {
      const run = newRun({ ...known, status: "starting" });
      byId.set(run.id, run);
      if (socket.isOpen) socket.send({ type: "run.resume", run: run.id, after: 0 });
      return run;
    },
    cancel: (run) => { if (run.id && !isOver(run)) socket.send({ type: "run.cancel", run: run.id }); },
    answer: (run, call, content, error) => {
      if (!content.trim()) return "Write an answer, or fill in an empty one.";
      return tell(run, { type: "call.answer", call: call.key, content, error });
    },
    execute: (run, keys) => tell(run, { type: "call.execute", calls: keys }),
    confirm: (run, call, agree) => tell(run, { type: "call.confirm", call: call.key, agree }),
    changePlan: (run, round, patch) => tell(run, { type: "plan.change", round: round.number, ...patch }),
    held: () => [...byId.values()].flatMap((run) => (isOver(run) ? [] : heldCalls(run).map((call) => ({ run, call })))),
    live: () => [...byId.values(), ...byRef.values()].filter((run) => !isOver(run)),
    summary: (run) => ({ verdict: worst(run), calls: calls(run).length }),
  };
};
