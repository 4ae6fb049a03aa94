// Argument text laid out for reading, whole or half arrived: the same rules as conversations/layout.py.
// Every token is the text that came; only white space between tokens changes.

export const LONGEST = 65536;
const TOKEN = /"(?:[^"\\]|\\[^])*(?:"|\\?$)|[[\]{},:]|[^\s[\]{},:"]+/g;

const escapeKey = (key) => key.replaceAll("~", "~0").replaceAll("/", "~1");
const unescapeKey = (key) => key.replaceAll("~1", "/").replaceAll("~0", "~");
const decode = (piece) => { try { return String(JSON.parse(piece)); } catch { return piece.replace(/^"|"$/g, ""); } };
const here = (top) => {
  if (!top) return "";
  if (!top.isObject) return `${top.pointer}/${top.index}`;
  return top.key === null ? top.pointer : `${top.pointer}/${escapeKey(top.key)}`;
};

export const tokenise = (text) => {
  const tokens = [];
  const stack = [];
  const push = (kind, piece, pointer) => tokens.push({ kind, text: piece, pointer, marked: false });
  for (const [piece] of text.matchAll(TOKEN)) {
    const top = stack.at(-1);
    if (piece === "}" || piece === "]") push("pu", piece, stack.pop()?.pointer ?? "");
    else if (piece === "{" || piece === "[") {
      const pointer = here(top);
      push("pu", piece, pointer);
      stack.push({ pointer, isObject: piece === "{", key: null, index: 0, atKey: true });
    } else if (piece === "," || piece === ":") {
      push("pu", piece, here(top));
      if (top && piece === ":") top.atKey = false;
      else if (top) Object.assign(top, { key: null, atKey: true, index: top.index + 1 });
    } else if (top?.isObject && top.atKey && piece.startsWith('"')) {
      top.key = decode(piece);
      push("k", piece, here(top));
    } else {
      const word = /^(?:true|false|null|[-0-9].*)$/s.test(piece) || "truefalsenull".includes(piece);
      push(piece.startsWith('"') ? "s" : word ? "nn" : "tx", piece, here(top));
    }
  }
  return tokens;
};

const newLine = (depth) => ({ depth, tokens: [], findings: [], absent: null });

const breakLines = (tokens) => {
  const lines = [newLine(0)];
  let depth = 0, before = "";
  for (const token of tokens) {
    const piece = token.kind === "pu" ? token.text : "";
    const closes = piece === "}" || piece === "]";
    const opened = before === "{" || before === "[";
    if (closes) depth = Math.max(depth - 1, 0);
    if (closes ? !opened : opened || before === ",") lines.push(newLine(depth));
    if (before === ":") token.text = ` ${token.text}`;
    lines.at(-1).tokens.push(token);
    if (piece === "{" || piece === "[") depth += 1;
    before = piece;
  }
  return lines;
};

const find = (pointer, lines, last = false) => {
  for (const line of last ? lines.toReversed() : lines) {
    const token = line.tokens.find((one) => one.pointer === pointer && one.text !== "," && one.text !== ":");
    if (token) return { line, token };
  }
  return null;
};

const placeAbsent = (finding, lines) => {
  const cut = finding.pointer.lastIndexOf("/");
  const parent = finding.pointer.slice(0, cut);
  let at = lines.findLastIndex((line) => line.tokens[0]?.text === "}" && line.tokens[0].pointer === parent);
  if (at < 0) {
    const opened = find(parent, lines);
    at = opened ? lines.indexOf(opened.line) + 1 : lines.length;
  }
  const depth = (lines[at] ?? lines.at(-1)).depth + 1;
  lines.splice(at, 0, { ...newLine(depth), findings: [finding], absent: unescapeKey(finding.pointer.slice(cut + 1)) });
};

const place = (finding, lines) => {
  if (!finding.pointer) return false;
  let found = find(finding.pointer, lines, finding.code === "duplicate_key");
  if (!found && finding.code === "missing_required") { placeAbsent(finding, lines); return true; }
  for (let pointer = finding.pointer; !found && pointer.includes("/");) {
    pointer = pointer.slice(0, pointer.lastIndexOf("/"));
    found = find(pointer, lines);
  }
  if (!found) return false;
  found.line.findings.push(finding);
  found.token.marked = true;
  return true;
};

// {lines: [{depth, tokens: [{kind, text, pointer, marked}], findings, absent}], general: [finding]}
export const layOut = (text, findings = []) => {
  const tokens = tokenise(text);
  const isJSON = /^\s*[{[]/.test(text) && tokens.every((token) => token.kind !== "tx");
  const lines = isJSON ? breakLines(tokens)
    : text.split("\n").map((line) => ({ ...newLine(0), tokens: [{ kind: "tx", text: line, pointer: "", marked: false }] }));
  return { lines, general: findings.filter((finding) => !place(finding, lines)) };
};

// The pointers of all leaves of a JSON text with their text, for comparing two calls.
export const leaves = (text) => {
  const found = new Map();
  for (const token of tokenise(text)) {
    if (token.kind === "s" || token.kind === "nn") found.set(token.pointer, token.text);
  }
  return found;
};
