// How a run differs from column A's: tools called, arguments, verdict, first token.
import { h, icon, visible, milliseconds } from "./playground_dom.js";
import { calls, firstToken, isOver, worst } from "./playground_run.js";
import { leaves } from "./playground_layout.js";

const item = (name, ...content) => h("li", {}, icon(name), h("span", {}, ...content));
const code = (text) => h("code", { class: "wire" }, visible(text.slice(0, 120)));
const capital = (word) => word[0].toUpperCase() + word.slice(1);
const list = (pointers) => pointers.slice(0, 4).flatMap((pointer, index) => [index ? ", " : "", code(pointer)]);

const compareArguments = (mine, theirs) => {
  const [here, there] = [leaves(mine.args), leaves(theirs.args)];
  const same = [...here.keys()].filter((pointer) => here.get(pointer) === there.get(pointer));
  const other = [...here.keys()].filter((pointer) => there.has(pointer) && here.get(pointer) !== there.get(pointer));
  const added = [...here.keys()].filter((pointer) => !there.has(pointer));
  const absent = [...there.keys()].filter((pointer) => !here.has(pointer));
  return [
    same.length ? item("equal", "Same ", list(same), same.length > 4 ? ` and ${same.length - 4} more` : "") : null,
    other.length ? item("arrows-diff", "Other value at ", list(other)) : null,
    added.length ? item("plus", "Only here: ", list(added)) : null,
    absent.length ? item("minus", "Only in A: ", list(absent)) : null,
  ];
};

const compareFindings = (mine, theirs) => {
  const key = (finding) => `${finding.code} ${finding.pointer ?? ""}`;
  const there = new Set(theirs.findings.map(key));
  const here = new Set(mine.findings.map(key));
  return [
    ...mine.findings.filter((finding) => !there.has(key(finding))).map((finding) => item("flag", code(finding.code), " here, not in A ", finding.pointer ? code(finding.pointer) : "")),
    ...theirs.findings.filter((finding) => !here.has(key(finding))).map((finding) => item("check", code(finding.code), " in A, not here ", finding.pointer ? code(finding.pointer) : "")),
  ];
};

const compareCalls = (mine, theirs) => {
  if (!mine && !theirs) return [item("equal", "No call in either")];
  if (!mine) return [item("arrows-diff", "No call here; A called ", code(theirs.name))];
  if (!theirs) return [item("arrows-diff", "Called ", code(mine.name), "; no call in A")];
  const tool = mine.name === theirs.name ? item("equal", "Same tool, ", code(mine.name)) : item("arrows-diff", "Called ", code(mine.name), ", A called ", code(theirs.name));
  return [tool, ...(mine.name === theirs.name ? compareArguments(mine, theirs) : []), ...compareFindings(mine, theirs)];
};

const compareTimes = (run, base) => {
  const [mine, theirs] = [firstToken(run), firstToken(base)];
  if (mine === null || theirs === null) return null;
  const apart = Math.round(Math.abs(mine - theirs));
  return item("clock", apart ? `First token ${milliseconds(apart)} ${mine < theirs ? "sooner" : "later"}; one trial, not a measure` : "First token at the same time");
};

export const against = (run, base) => {
  if (!base || base === run) return null;
  const settled = (one) => isOver(one) || one.status === "waiting";
  if (!settled(run) || !settled(base)) return null;
  const [mine, theirs] = [calls(run), calls(base)];
  const rows = mine.length > 1 || theirs.length > 1
    ? [item(mine.length === theirs.length ? "equal" : "arrows-diff", `${mine.length} calls here, ${theirs.length} in A`)] : [];
  const [verdictHere, verdictThere] = [worst(run), worst(base)];
  if (verdictHere !== verdictThere) rows.push(item("arrows-diff", `${capital(verdictHere || "no call")} here, ${verdictThere || "no call"} in A`));
  return h("div", { class: "vs" }, h("h3", { text: "Against A" }), h("ul", {}, ...rows, ...compareCalls(mine[0], theirs[0]).filter(Boolean), compareTimes(run, base)));
};
