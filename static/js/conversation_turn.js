// A stored turn: the scrubber of its stream, raw or pretty arguments, and running it again.
import { h, fill, icon, visible } from "./playground_dom.js";

const json = (id) => JSON.parse(document.getElementById(id)?.textContent ?? "null");

// ---- the scrubber: the buffer as it was when a fragment had arrived
const LEFT = 230, RIGHT = 866.5, SHOWN = 1200;
const scrub = document.querySelector("[data-scrub]");

const bufferAt = (steps, index) => {
  const step = steps[index];
  const lane = steps.slice(0, index + 1).filter((one) => one.l === step.l && (one.f === step.f || one.f === "name" || one.f === "arguments"));
  const of = (field) => lane.filter((one) => one.f === field).map((one) => one.x);
  if (step.f === "text" || step.f === "reasoning") return { before: of(step.f).slice(0, -1).join(""), now: step.x };
  const name = of("name").join(""), parts = of("arguments");
  if (step.f === "name") return { before: name.slice(0, name.length - step.x.length), now: step.x };
  return { before: `${name}  ${parts.slice(0, -1).join("")}`, now: step.x };
};

const start = () => {
  const steps = json("scrub-steps"), names = json("scrub-names");
  const line = document.getElementById("scrub-line"), at = document.getElementById("scrub-at");
  const buffer = document.getElementById("scrub-buffer"), state = document.getElementById("scrub-state");
  const first = steps[0].t, last = steps.at(-1).t;
  let index = 0;

  const paint = () => {
    const step = steps[index];
    const { before, now } = bufferAt(steps, index);
    const cut = before.length > SHOWN ? `… ${before.slice(-SHOWN)}` : before;
    fill(buffer, h("span", {}, visible(cut)), h("span", { class: step.v ? "now bad" : "now" }, visible(now.slice(0, SHOWN))));
    const isCall = step.f === "name" || step.f === "arguments";
    const total = steps.filter((one) => one.l === step.l).at(-1).n;
    at.textContent = isCall ? `Fragment ${step.n} of ${total}, ${step.t.toLocaleString("en", { maximumFractionDigits: 0 })} ms` : `${step.f === "text" ? "Text" : "Reasoning"}, ${step.t.toLocaleString("en", { maximumFractionDigits: 0 })} ms`;
    state.hidden = !isCall;
    state.className = `vd ${step.v ? "rejected" : "accepted"}`;
    fill(state, icon(step.v ? "circle-x" : "circle-check"), step.v ? "invalid" : "still valid");
    const x = LEFT + ((step.t - first) / Math.max(last - first, 1)) * (RIGHT - LEFT) + 1.5;
    line.setAttribute("x1", x);
    line.setAttribute("x2", x);
    scrub.setAttribute("aria-valuetext", `${at.textContent}${isCall ? `, ${names[step.l] ?? ""}, ${step.v ? "invalid" : "still valid"}` : ""}`);
  };
  const go = (next) => {
    index = Math.min(Math.max(next, 0), steps.length - 1);
    scrub.value = steps[index].t;
    paint();
  };

  scrub.addEventListener("input", () => {
    const time = Number(scrub.value);
    index = Math.max(steps.findLastIndex((step) => step.t <= time + 0.05), 0);
    paint();
  });
  scrub.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 10, PageDown: -10 }[event.key];
    const end = { Home: 0, End: steps.length - 1 }[event.key];
    if (step === undefined && end === undefined) return;
    event.preventDefault();
    go(end ?? index + step);
  });
  const invalid = steps.findIndex((step) => step.v);
  go(invalid < 0 ? steps.length - 1 : invalid);
  const box = scrub.closest(".scroll-x");
  box.scrollLeft = box.scrollWidth;
};
if (scrub) start();

// ---- arguments, pretty or raw
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-args]");
  if (!button) return;
  const card = button.closest(".call");
  for (const one of card.querySelectorAll("[data-args]")) one.setAttribute("aria-pressed", String(one === button));
  for (const one of card.querySelectorAll("[data-args-of]")) one.hidden = one.dataset.argsOf !== button.dataset.args;
});

// ---- run again: the playground starts what this page asked for, and nothing that a link asks for
for (const link of document.querySelectorAll("[data-run-again]")) {
  link.addEventListener("click", () => sessionStorage.setItem("misfire.run-again", link.dataset.runAgain));
}

// ---- copy as: the text is fetched when it is wanted; without this script the link shows it
for (const link of document.querySelectorAll("[data-copy-url]")) {
  link.addEventListener("click", async (event) => {
    if (event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    link.closest("details").open = false;
    try {
      const answer = await fetch(link.href);
      if (!answer.ok) throw new Error(`The console answered ${answer.status}`);
      await navigator.clipboard.writeText(await answer.text());
      Misfire.toast({ title: `Copied as ${link.textContent.trim()}`, text: "The key is taken from its environment variable.", kind: "success" });
    } catch {
      location.assign(link.href);
    }
  });
}
