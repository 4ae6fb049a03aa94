// Building the page from data: elements by name, and text from the wire made safe to look at.
// Text is only ever set as text. Nothing here parses markup.

const assign = (node, name, value) => {
  if (name === "on") for (const [type, listener] of Object.entries(value)) node.addEventListener(type, listener);
  else if (name === "class") node.className = value;
  else if (name === "text") node.textContent = value;
  else if (name === "data") Object.assign(node.dataset, value);
  else if (name in node && typeof value !== "string") node[name] = value;
  else if (name === "value") node.value = value;
  else node.setAttribute(name, value);
};

// h("button", {class: "btn", type: "button", on: {click}}, "Run", node…)
export const h = (tag, properties = {}, ...children) => {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value !== null && value !== undefined && value !== false) assign(node, name, value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
};

export const svg = (tag, attributes = {}, ...children) => {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
};

export const icon = (name) => Misfire.icon(name);
export const button = (label, iconName, click, more = {}) => h("button", {
  class: "btn sm gho", type: "button", on: { click }, ...more,
}, iconName ? icon(iconName) : null, label);
export const iconButton = (label, iconName, click, more = {}) => h("button", {
  class: "btn sm ico gho", type: "button", "aria-label": label, title: label, on: { click }, ...more,
}, icon(iconName));

// Characters that a page would hide, or that change what stands around them: C0 and C1 controls,
// soft hyphen, zero-width and direction-changing characters, tag characters, lone surrogates.
const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]|\p{Cs}/gu;

const hex = (code) => `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
const badge = (character) => {
  const code = character.codePointAt(0);
  const picture = code < 0x20 ? String.fromCodePoint(0x2400 + code) : code === 0x7f ? "␡" : hex(code);
  return h("span", { class: "cc", title: hex(code), text: picture });
};

// Nodes for text that came over the wire: what would be invisible is shown as a badge.
export const visible = (text) => {
  const nodes = [];
  let from = 0;
  for (const match of text.matchAll(HIDDEN)) {
    if (match.index > from) nodes.push(text.slice(from, match.index));
    nodes.push(badge(match[0]));
    from = match.index + match[0].length;
  }
  if (from < text.length) nodes.push(text.slice(from));
  return nodes;
};

export const FOLD = 4096;
const count = (number) => number.toLocaleString("en");

// Where to cut a text without cutting a character in two.
export const cutAt = (text, limit) => (/[\ud800-\udbff]/.test(text[limit - 1] ?? "") ? limit - 1 : limit);

// Very long text in blocks of its own, as a browser lays out one line of a million letters for minutes.
const BLOCK = 8192;
export const blocks = (text) => {
  if (text.length <= BLOCK * 4) return visible(text);
  const nodes = [];
  for (let from = 0; from < text.length;) {
    const line = text.lastIndexOf("\n", from + BLOCK) + 1;
    const to = line > from ? line : from + cutAt(text.slice(from, from + BLOCK), BLOCK);
    nodes.push(h("span", { class: "blk" }, visible(text.slice(from, to))));
    from = to;
  }
  return nodes;
};

// The same, folded beyond 4 KB: the rest is put into the page when somebody asks for it.
export const folded = (text, limit = FOLD) => {
  if (text.length <= limit) return visible(text);
  const cut = cutAt(text, limit);
  const rest = button(`Show all ${count(text.length)} characters`, null, () => rest.replaceWith(...blocks(text.slice(cut))));
  return [...visible(text.slice(0, cut)), rest];
};

export const wire = (tag, text, className = "") => h(tag, { class: `wire ${className}` }, folded(text));

export const milliseconds = (value) => (value === null || value === undefined ? "–" : `${count(Math.round(value))} ms`);
export const number = (value) => (value === null || value === undefined ? "–" : count(value));
export const plural = (many, word) => `${count(many)} ${word}${many === 1 ? "" : "s"}`;

export const VERDICT_ICONS = { accepted: "circle-check", flagged: "flag", rejected: "circle-x", pending: "circle-dashed" };
export const LAYER_ICONS = {
  assembly: "puzzle", syntax: "braces", offer: "list-check", schema: "ruler-2", rule: "gavel",
  content: "shield-exclamation", conduct: "repeat", execution: "bolt", expectation: "target",
};
export const verdict = (value, label) => {
  const kind = VERDICT_ICONS[value] ? value : "pending";
  return h("span", { class: `vd ${kind}` }, icon(VERDICT_ICONS[kind]), label || kind[0].toUpperCase() + kind.slice(1));
};

// Replaces what a node holds, unless it would be the same text.
export const fill = (node, ...children) => node.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
