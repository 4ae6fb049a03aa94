// A form for a tool's definition, beside its JSON. It changes only what its fields show;
// every other keyword stays as written and is named in its row.
//   const form = Misfire.schemaForm(element, (text) => …);   called with the new JSON after a change
//   form.show(text), form.pause(reason), form.setProblems([{pointer, message}])
(() => {
  const { parse, write, isObject, entry, get, set, remove, of, value } = Misfire.tree;
  const TYPES = ["string", "number", "integer", "boolean", "object", "array", "null"];
  const SHOWN = new Set(["type", "description", "enum", "default", "properties", "required", "items"]);
  const ROOT_SHOWN = new Set(["type", "properties", "required", "additionalProperties"]);
  const AT_END = ["required", "additionalProperties"];

  const make = (tag, attributes = {}, ...children) => {
    const node = document.createElement(tag);
    for (const [name, given] of Object.entries(attributes)) {
      if (name.startsWith("on")) node.addEventListener(name.slice(2), given);
      else if (typeof given === "boolean" || name === "value") node[name] = given;
      else node.setAttribute(name, given);
    }
    node.append(...children.filter((child) => child !== null && child !== undefined));
    return node;
  };
  const text = (node) => { const v = node && value(node); return typeof v === "string" ? v : ""; };
  const escape = (token) => token.replaceAll("~", "~0").replaceAll("/", "~1");
  const typeOf = (schema) => { const node = get(schema, "type"); return node ? value(node) : null; };
  const isSimple = (schema) => isObject(schema) && typeof typeOf(schema) === "string" && TYPES.includes(typeOf(schema));
  const isNullable = (type) => Array.isArray(type) && type.length === 2 && type[1] === "null";

  const setText = (schema, key, given, before) => {
    if (given === "") remove(schema, key); else set(schema, key, of(given), before);
  };

  // ---- values in fields: texts of strings as they are, everything else as JSON
  const toField = (node, type) => {
    const held = value(node);
    return typeof held === "string" && type === "string" && held !== "" && !held.includes("\n") ? held : write(node);
  };
  const fromField = (given, type) => {
    const node = parse(given);
    return node && (type !== "string" || node.text?.startsWith('"')) ? node : of(given);
  };

  Misfire.schemaForm = (box, onChange) => {
    let root = null;
    let problems = [];
    const opened = new WeakSet();
    const numbers = new WeakMap();
    // What a field is found by again after the form was drawn anew.
    const fieldOf = (node, part) => { if (!numbers.has(node)) numbers.set(node, Math.random()); return `${numbers.get(node)} ${part}`; };

    const changed = () => onChange(write(root));
    const redraw = (focus) => {
      draw();
      if (focus) { const field = box.querySelector(`[data-field="${CSS.escape(focus)}"]`); field?.focus(); field?.select?.(); }
    };

    // ---- the list of required names of an object's schema
    const requiredNames = (schema) => { const node = get(schema, "required"); return node?.kind === "array" ? node.items : []; };
    const isRequired = (schema, name) => requiredNames(schema).some((item) => text(item) === name);
    const setRequired = (schema, name, on) => {
      const items = requiredNames(schema).filter((item) => text(item) !== name);
      if (on) items.push(of(name));
      set(schema, "required", { kind: "array", items }, ["additionalProperties"]);
    };

    const labelled = (label, field) => make("label", { class: "fld" }, make("span", { class: "lab" }, label), field);

    const typeChoice = (schema, field, { label, onpick }) => {
      const type = typeOf(schema);
      const simple = isSimple(schema);
      const shown = simple ? type : isNullable(type) ? `${type[0]} or null` : "in JSON";
      const options = simple ? TYPES : [shown, ...TYPES];
      return make("select", { class: "sel", "data-label": label, "data-field": field, onchange: (event) => onpick(event.target.value) },
        ...options.map((one) => make("option", { value: one, selected: one === shown }, one)));
    };

    const setType = (schema, type) => {
      set(schema, "type", of(type), schema.entries.map((one) => one.key));
      if (type !== "object") for (const key of ["properties", "required"]) remove(schema, key);
      if (type !== "array") remove(schema, "items");
      if (type === "object" && !get(schema, "properties")) set(schema, "properties", of({}));
      if (type === "array" && !get(schema, "items")) set(schema, "items", of({ type: "string" }));
    };

    // ---- one parameter; `at` gives the pointer of its schema, which follows its name
    const row = (schema, one, at) => {
      const isSchema = isObject(one.value);
      const part = one.value;
      const type = isSchema ? typeOf(part) : null;
      const error = make("p", { class: "err", role: "alert" });
      const item = make("li", { class: "prow" });
      item.at = at;
      const label = () => { for (const node of item.querySelectorAll(":scope > .prow-h [data-label]")) node.setAttribute("aria-label", `${node.dataset.label} ${one.key}`); };
      const rename = (event) => {
        const name = event.target.value;
        const taken = name !== one.key && entry(get(schema, "properties"), name);
        error.textContent = !name ? "A parameter needs a name." : taken ? `${name} is declared already.` : "";
        event.target.setAttribute("aria-invalid", String(Boolean(error.textContent)));
        if (error.textContent || name === one.key) return;
        for (const required of requiredNames(schema)) if (text(required) === one.key) required.text = JSON.stringify(name);
        one.key = name;
        label();
        changed();
      };
      const describe = (event) => { setText(part, "description", event.target.value, ["enum", "default", "properties", "items"]); changed(); };
      const pickType = (picked) => { if (!TYPES.includes(picked)) return; setType(part, picked); changed(); redraw(fieldOf(part, "type")); };
      const toggle = () => { if (!opened.delete(part)) opened.add(part); redraw(fieldOf(part, "more")); };
      const drop = () => {
        if (isRequired(schema, one.key)) setRequired(schema, one.key, false);
        remove(get(schema, "properties"), one.key);
        changed();
        redraw(fieldOf(schema, "add"));
      };
      const isOpen = isSchema && opened.has(part);
      const others = isSchema ? part.entries.map((each) => each.key).filter((key) => !SHOWN.has(key)) : [];
      item.append(
        make("div", { class: "prow-h" },
          make("input", { class: "inp mono", value: one.key, "aria-label": "Name", "data-field": fieldOf(part, "name"), spellcheck: false, oninput: rename }),
          isSchema ? typeChoice(part, fieldOf(part, "type"), { label: "Type of", onpick: pickType }) : make("span", { class: "meta" }, "in JSON"),
          make("label", { class: "req" }, make("input", { type: "checkbox", checked: isRequired(schema, one.key), onchange: (event) => { setRequired(schema, one.key, event.target.checked); changed(); } }), "required"),
          isSchema ? make("input", { class: "inp desc", value: text(get(part, "description")), placeholder: "Description", "data-label": "Description of", oninput: describe }) : make("span"),
          make("span", { class: "hs" },
            isSchema ? make("button", { type: "button", class: "btn sm ico gho", "data-label": "Values and default of", title: "Values and default", "aria-expanded": String(isOpen), "data-field": fieldOf(part, "more"), onclick: toggle }, Misfire.icon(isOpen ? "chevron-up" : "chevron-down")) : null,
            make("button", { type: "button", class: "btn sm ico gho", "data-label": "Remove", title: "Remove", onclick: drop }, Misfire.icon("trash")))),
        ...[isOpen ? values(part, type) : null, editedInJson(others), error, isSchema ? nested(part, type, at) : null].filter(Boolean));
      label();
      return item;
    };

    const editedInJson = (keys, tag = "hint") => keys.length ? make("p", { class: tag }, "Edited in JSON: ", make("code", {}, keys.join(", "))) : null;

    // ---- the values and the default of one parameter
    const values = (part, type) => {
      const list = get(part, "enum");
      const lines = list?.kind === "array" ? list.items.map((item) => toField(item, type)).join("\n") : "";
      const held = get(part, "default");
      return make("div", { class: "prow-x" },
        labelled("Allowed values, one a line", make("textarea", { class: "inp mono", rows: 3, spellcheck: false, value: lines, oninput: (event) => {
          const items = event.target.value.split("\n").filter(Boolean).map((line) => fromField(line, type));
          if (items.length) set(part, "enum", { kind: "array", items }, ["default", "properties", "items"]); else remove(part, "enum");
          changed();
        } })),
        labelled("Default", make("input", { class: "inp mono", spellcheck: false, value: held ? toField(held, type) : "", oninput: (event) => {
          if (event.target.value === "") remove(part, "default"); else set(part, "default", fromField(event.target.value, type), ["properties", "items"]);
          changed();
        } })));
    };

    // ---- what an object or an array holds
    const nested = (part, type, at) => {
      if (type === "object") return list(part, at, "Add a parameter inside");
      if (type !== "array") return null;
      const items = get(part, "items");
      const pick = (picked) => {
        if (!TYPES.includes(picked)) return;
        if (isObject(items)) setType(items, picked); else set(part, "items", of({ type: picked }));
        changed();
        redraw(fieldOf(part, "items"));
      };
      const choice = typeChoice(items ?? of({}), fieldOf(part, "items"), { label: "", onpick: pick });
      choice.setAttribute("aria-label", "Type of the items");
      return make("div", { class: "nest" }, labelled("Items", choice),
        items && typeOf(items) === "object" ? list(items, () => `${at()}/items`, "Add a parameter of the items") : null);
    };

    const list = (schema, at, words) => {
      const properties = get(schema, "properties");
      const add = () => {
        if (!isObject(get(schema, "properties"))) set(schema, "properties", of({}), AT_END);
        const declared = get(schema, "properties");
        let number = declared.entries.length + 1;
        while (entry(declared, `parameter_${number}`)) number += 1;
        const fresh = of({ type: "string" });
        set(declared, `parameter_${number}`, fresh);
        changed();
        redraw(fieldOf(fresh, "name"));
      };
      const rows = isObject(properties) ? properties.entries.map((one) => row(schema, one, () => `${at()}/properties/${escape(one.key)}`)) : [];
      return make("div", { class: "nest" }, make("ul", { class: "prows" }, ...rows),
        make("button", { type: "button", class: "btn sm", "data-field": fieldOf(schema, "add"), onclick: add }, Misfire.icon("plus"), words));
    };

    const head = () => make("div", { class: "pn-b fields" },
      labelled("Name", make("input", { class: "inp mono", value: text(get(root, "name")), "data-name": "", spellcheck: false, oninput: (event) => { set(root, "name", of(event.target.value)); changed(); } })),
      labelled("Description: what it does, when to call it, when not", make("textarea", { class: "inp", rows: 3, value: text(get(root, "description")), oninput: (event) => { setText(root, "description", event.target.value, ["parameters"]); changed(); } })),
      make("label", { class: "req" }, make("input", { type: "checkbox", checked: get(root, "strict")?.text === "true", onchange: (event) => { if (event.target.checked) set(root, "strict", of(true)); else remove(root, "strict"); changed(); } }), "Strict: the provider holds the model to the schema"));

    const parameters = () => {
      let schema = get(root, "parameters");
      if (!schema || schema.text === "null") schema = { ...of({ type: "object", properties: {} }), isNew: true };
      if (!isObject(schema) || typeOf(schema) !== "object") return make("p", { class: "pn-b hint" }, "The parameters are no plain object: edit them in JSON.");
      const begin = () => {
        const fresh = of({ type: "object", properties: { parameter_1: { type: "string" } }, required: [], additionalProperties: false });
        set(root, "parameters", fresh, ["strict", "output_schema", "annotations"]);
        changed();
        redraw(fieldOf(get(get(fresh, "properties"), "parameter_1"), "name"));
      };
      if (schema.isNew) return make("div", { class: "pn-b" }, make("p", { class: "hint" }, "None are declared."),
        make("button", { type: "button", class: "btn sm", onclick: begin }, Misfire.icon("plus"), "Add a parameter"));
      const others = schema.entries.map((one) => one.key).filter((key) => !ROOT_SHOWN.has(key));
      const further = get(schema, "additionalProperties");
      const closed = make("label", { class: "req" }, make("input", { type: "checkbox", checked: further?.text === "false", disabled: isObject(further), onchange: (event) => {
        if (event.target.checked) set(schema, "additionalProperties", of(false)); else remove(schema, "additionalProperties");
        changed();
      } }), "No other parameters allowed");
      return make("div", { class: "pn-b" }, list(schema, () => "/parameters", "Add a parameter"), closed, editedInJson(others));
    };

    const draw = () => {
      const count = isObject(get(get(root, "parameters"), "properties")) ? get(get(root, "parameters"), "properties").entries.length : 0;
      const others = ["output_schema", "annotations"].filter((key) => get(root, key));
      box.replaceChildren(
        make("div", { class: "pn-h" }, make("h2", {}, "Form")), head(),
        make("div", { class: "pn-h pn-h2" }, make("h2", {}, "Parameters"), make("span", { class: "meta" }, String(count))), parameters(),
        ...[editedInJson(others, "pn-f")].filter(Boolean));
      drawProblems();
    };

    // Each problem stands in the innermost row that it speaks of.
    const drawProblems = () => {
      for (const old of box.querySelectorAll(".err[data-problem]")) old.remove();
      for (const { pointer, message, severity } of problems) {
        if (severity === "warning") continue;
        const rows = [...box.querySelectorAll(".prow")].filter((node) => pointer === node.at() || pointer.startsWith(`${node.at()}/`));
        const innermost = rows.sort((a, b) => b.at().length - a.at().length)[0];
        const note = make("p", { class: "err", "data-problem": "" }, message);
        if (pointer === "/name") box.querySelector("[data-name]").after(note);
        else innermost?.querySelector(":scope > .prow-h").after(note);
      }
    };

    return {
      show(given) {
        const tree = parse(given);
        if (!isObject(tree)) { this.pause(tree ? "The definition is no JSON object." : "The JSON is broken; the form waits until it is whole."); return; }
        if (isObject(get(tree, "function")) || isObject(get(tree, "toolSpec")) || ["input_schema", "inputSchema"].some((key) => get(tree, key))) { this.pause("This is a provider's own form. Convert it to edit it here."); return; }
        root = tree;
        box.inert = false;
        box.classList.remove("paused");
        draw();
      },
      pause(reason) {
        if (!root) { box.replaceChildren(make("p", { class: "pn-b hint" }, reason)); return; }
        box.inert = true;
        box.classList.add("paused");
        box.querySelector(".pause")?.remove();
        box.prepend(make("p", { class: "pause note w", role: "status" }, reason));
      },
      setProblems(list) { problems = list; if (root) drawProblems(); },
    };
  };
})();
