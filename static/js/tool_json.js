// JSON as a tree that loses nothing: numbers, strings and their spelling stay as written.
//   Misfire.tree.parse(text) -> node, or null if it is not JSON; .write(node) -> text, indented by two
// A node is {kind: "object", entries: [{key, value}]}, {kind: "array", items} or {kind: "raw", text}.
(() => {
  const TOKEN = /"(?:[^"\\]|\\.)*"|[[\]{},:]|[^\s[\]{},:"]+/g;

  const parse = (text) => {
    try { JSON.parse(text); } catch { return null; }
    const root = { kind: "array", items: [] };
    const open = [root];
    let key = null;
    const put = (node) => {
      const parent = open.at(-1);
      if (parent.kind === "array") parent.items.push(node);
      else { parent.entries.push({ key, value: node }); key = null; }
    };
    for (const token of text.match(TOKEN)) {
      if (token === "{" || token === "[") {
        const node = token === "{" ? { kind: "object", entries: [] } : { kind: "array", items: [] };
        put(node);
        open.push(node);
      } else if (token === "}" || token === "]") open.pop();
      else if (token === "," || token === ":") continue;
      else if (open.at(-1).kind === "object" && key === null) key = JSON.parse(token);
      else put({ kind: "raw", text: token });
    }
    return root.items[0];
  };

  const write = (node, indent = "") => {
    if (node.kind === "raw") return node.text;
    const inner = `${indent}  `;
    const isObject = node.kind === "object";
    const parts = isObject
      ? node.entries.map(({ key, value }) => `${inner}${JSON.stringify(key)}: ${write(value, inner)}`)
      : node.items.map((item) => inner + write(item, inner));
    const [before, after] = isObject ? "{}" : "[]";
    return parts.length ? `${before}\n${parts.join(",\n")}\n${indent}${after}` : before + after;
  };

  const isObject = (node) => node?.kind === "object";
  const entry = (node, key) => isObject(node) ? node.entries.findLast((one) => one.key === key) : undefined;
  const get = (node, key) => entry(node, key)?.value;
  const of = (value) => parse(JSON.stringify(value));
  // The value of a small node; not for numbers whose digits matter.
  const value = (node) => node && JSON.parse(write(node));

  // A key that is new comes before those of `before` that are there, else last.
  const set = (node, key, child, before = []) => {
    const found = entry(node, key);
    if (found) { found.value = child; return; }
    const at = node.entries.findIndex((one) => before.includes(one.key));
    node.entries.splice(at < 0 ? node.entries.length : at, 0, { key, value: child });
  };
  const remove = (node, key) => { node.entries = node.entries.filter((one) => one.key !== key); };

  Misfire.tree = { parse, write, isObject, entry, get, set, remove, of, value };
})();
