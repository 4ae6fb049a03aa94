// What went wrong with a run, told with what to do about it.
import { h, icon, wire } from "./playground_dom.js";

const FAILURES = {
  refused: ["Nothing answers at the connection’s address.", "Start the server there, or correct the address of the connection."],
  dns: ["The host name of the connection is not known.", "Check its spelling, and that this machine’s DNS knows it."],
  tls: ["The provider’s certificate was not accepted.", "Check the address and this machine’s clock."],
  timeout: ["The provider did not answer in time.", "Run again, or ask for fewer tokens."],
  unauthorized: ["The provider refused the key (401).", "Check the variable that the connection names, then restart the console."],
  forbidden: ["The key may not do this (403).", "Use a key with access to this model."],
  not_found: ["The provider does not know this model or address (404).", "Choose another model, or correct the address of the connection."],
  rate_limited: ["The provider asks to wait (429).", "Run again when the wait is over."],
  context_too_long: ["The messages and tools are longer than the model can read.", "Remove messages or tools, or choose a model with a longer context."],
  bad_request: ["The provider refused the request.", "What it says is below; change the request and run again."],
  server_error: ["The provider failed (5xx).", "Run again; if it goes on, look at the provider’s status page."],
  malformed_stream: ["The stream is not of the protocol that the connection declares.", "Check the protocol of the connection. What arrived is kept."],
  cut_stream: ["The stream was cut before its end.", "What arrived is kept. Run again."],
  blocked_address: ["The connection’s address is a private one, and those are blocked.", "Allow it with OUTBOUND_ALLOW, then restart the console."],
  key_missing: ["The environment variable of the key is not set.", "Set it where the console runs, and restart the console."],
  interrupted: ["The process that made this run ended.", "What arrived is kept. Run again."],
  internal: ["The console made an error.", "The server’s log has it. What arrived is kept."],
  unknown_start: ["The connection to the console broke as the run started.", "It may have started: look among the recent runs before running again."],
};

// failure(error, {status, runAgain}) → {node, tick()}: tick() counts a wait down.
export const failureNote = (run, { runAgain }) => {
  const { error } = run;
  const [what, cure] = FAILURES[error.code] || [`The run failed (${error.code}).`, "What is known is below."];
  const wait = Number(error.retry_after) || 0;
  const again = h("button", { class: "btn sm", type: "button", on: { click: runAgain } }, icon("refresh"), "Run again");
  const left = h("span", { class: "small num", role: "timer" });
  const title = run.status === "interrupted" ? "Interrupted" : "Failed";
  const node = h("div", { class: "note b failure", role: "alert" }, icon(run.status === "interrupted" ? "plug-connected-x" : "circle-x"),
    h("div", { class: "grow" }, h("b", { text: `${title}: ${what}` }), h("p", { text: cure }),
      error.detail && run.status !== "interrupted" ? wire("pre", String(error.detail), "rs") : null, h("div", { class: "hs mt8" }, again, left)));
  const tick = () => {
    const seconds = Math.ceil(wait - (Date.now() - (run.failedAt || 0)) / 1000);
    left.textContent = wait && seconds > 0 ? `The provider asks for ${seconds} s more` : "";
  };
  tick();
  return { node, tick };
};
