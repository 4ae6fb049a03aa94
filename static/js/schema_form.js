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
    const opened = new Set();

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
      return make("select", { class: "sel", "aria-label": label, "data-field": field, onchange: (event) => onpick(event.target.value) },
        ...options.map((one) => make("option", { value: one, selected: one === shown }, one)));
    };

    const setType = (schema, type) => {
      set(schema, "type", of(type), schema.entries.map((one) => one.key));
      if (type !== "object") for (const key of ["properties", "required"]) remove(schema, key);
      if (type !== "array") remove(schema, "items");
      if (type === "object" && !get(schema, "properties")) set(schema, "properties", of({}));
      if (type === "array" && !get(schema, "items")) set(schema, "items", of({ type: "string" }));
    };

    // ---- one parameter
    const row = (schema, one, pointer) => {
      const isSchema = isObject(one.value);
      const part = one.value;
      const type = isSchema ? typeOf(part) : null;
      const error = make("p", { class: "err", role: "alert" });
      const rename = (event) => {
        const name = event.target.value;
        const taken = name !== one.key && entry(get(schema, "properties"), name);
        error.textContent = !name ? "A parameter needs a name." : taken ? `${name} is declared already.` : "";
        event.target.setAttribute("aria-invalid", String(Boolean(error.textContent)));
        if (error.textContent || name === one.key) return;
        for (const item of requiredNames(schema)) if (text(item) === one.key) item.text = JSON.stringify(name);
        one.key = name;
        changed();
      };
      const more = make("button", { type: "button", class: "btn sm ico gho", "aria-label": `Values and default of ${one.key}`, title: "Values and default", "aria-expanded": String(opened.has(pointer)),
        onclick: () => { if (!opened.delete(pointer)) opened.add(pointer); redraw(); } }, Misfire.icon(opened.has(pointer) ? "chevron-up" : "chevron-down"));
      const head = make("div", { class: "prow-h" },
        make("input", { class: "inp mono", value: one.key, "aria-label": "Name", "data-field": `${pointer} name`, spellcheck: false, oninput: rename, onblur: () => { if (!error.textContent) redraw(); } }),
        isSchema ? typeChoice(part, `${pointer} type`, { label: `Type of ${one.key}`, onpick: (picked) => { if (TYPES.includes(picked)) { setType(part, picked); changed(); redraw(`${pointer} type`); } } }) : make("span", { class: "meta" }, "in JSON"),
        make("label", { class: "req" }, make("input", { type: "checkbox", checked: isRequired(schema, one.key), onchange: (event) => { setRequired(schema, one.key, event.target.checked); changed(); } }), "required"),
        isSchema ? make("input", { class: "inp desc", value: text(get(part, "description")), placeholder: "Description", "aria-label": `Description of ${one.key}`, oninput: (event) => { setText(part, "description", event.target.value, ["enum", "default", "properties", "items"]); changed(); } }) : make("span"),
        make("span", { class: "hs" }, isSchema ? more : null,
          make("button", { type: "button", class: "btn sm ico gho", "aria-label": `Remove ${one.key}`, title: "Remove", onclick: () => {
            remove(get(schema, "properties"), one.key);
            if (isRequired(schema, one.key)) setRequired(schema, one.key, false);
            changed(); redraw(`${pointer.slice(0, pointer.lastIndexOf("/properties/"))} add`);
          } }, Misfire.icon("trash"))));
      const others = isSchema ? part.entries.map((each) => each.key).filter((key) => !SHOWN.has(key)) : [];
      return make("li", { class: "prow", "data-pointer": pointer }, head,
        isSchema && opened.has(pointer) ? values(part, type) : null,
        others.length ? make("p", { class: "hint" }, "Edited in JSON: ", make("code", {}, others.join(", "))) : null,
        error, isSchema ? nested(part, type, pointer) : null);
    };

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
    const nested = (part, type, pointer) => {
      if (type === "object") return list(part, pointer, "Add a parameter inside");
      if (type !== "array") return null;
      const items = get(part, "items");
      const pick = (picked) => { if (!TYPES.includes(picked)) return; if (!isObject(items)) set(part, "items", of({ type: picked })); else setType(items, picked); changed(); redraw(`${pointer} items`); };
      return make("div", { class: "nest" },
        labelled("Items", typeChoice(items ?? of({}), `${pointer} items`, { label: "Type of the items", onpick: pick })),
        items && typeOf(items) === "object" ? list(items, `${pointer}/items`, "Add a parameter of the items") : null);
    };

    const list = (schema, pointer, words) => {
      const properties = get(schema, "properties");
      const at = `${pointer}/properties`;
      const add = () => {
        if (!isObject(get(schema, "properties"))) set(schema, "properties", of({}), AT_END);
        const declared = get(schema, "properties");
        let number = declared.entries.length + 1;
        while (entry(declared, `parameter_${number}`)) number += 1;
        set(declared, `parameter_${number}`, of({ type: "string" }));
        changed();
        redraw(`${at}/parameter_${number} name`);
      };
      return make("div", { class: "nest" },
        make("ul", { class: "prows" }, ...(isObject(properties) ? properties.entries.map((one) => row(schema, one, `${at}/${escape(one.key)}`)) : [])),
        make("button", { type: "button", class: "btn sm", "data-field": `${pointer} add`, onclick: add }, Misfire.icon("plus"), words));
    };

    const head = () => make("div", { class: "pn-b fields" },
      labelled("Name", make("input", { class: "inp mono", value: text(get(root, "name")), "data-pointer": "/name", spellcheck: false, oninput: (event) => { set(root, "name", of(event.target.value)); changed(); } })),
      labelled("Description: what it does, when to call it, when not", make("textarea", { class: "inp", rows: 3, value: text(get(root, "description")), oninput: (event) => { setText(root, "description", event.target.value, ["parameters"]); changed(); } })),
      make("label", { class: "req" }, make("input", { type: "checkbox", checked: get(root, "strict")?.text === "true", onchange: (event) => { if (event.target.checked) set(root, "strict", of(true)); else remove(root, "strict"); changed(); } }), "Strict: the provider holds the model to the schema"));

    const parameters = () => {
      let schema = get(root, "parameters");
      if (!schema || schema.text === "null") schema = { ...of({ type: "object", properties: {} }), isNew: true };
      if (!isObject(schema) || typeOf(schema) !== "object") return make("p", { class: "pn-b hint" }, "The parameters are no plain object: edit them in JSON.");
      if (schema.isNew) return make("div", { class: "pn-b" }, make("p", { class: "hint" }, "None are declared."),
        make("button", { type: "button", class: "btn sm", onclick: () => { set(root, "parameters", of({ type: "object", properties: { parameter_1: { type: "string" } }, required: [], additionalProperties: false }), ["strict", "output_schema", "annotations"]); changed(); redraw("/parameters/properties/parameter_1 name"); } }, Misfire.icon("plus"), "Add a parameter"));
      const others = schema.entries.map((one) => one.key).filter((key) => !ROOT_SHOWN.has(key));
      const further = get(schema, "additionalProperties");
      const closed = make("label", { class: "req" }, make("input", { type: "checkbox", checked: further?.text === "false", disabled: isObject(further), onchange: (event) => {
        if (event.target.checked) set(schema, "additionalProperties", of(false)); else remove(schema, "additionalProperties");
        changed();
      } }), "No other parameters allowed");
      return make("div", { class: "pn-b" }, list(schema, "/parameters", "Add a parameter"), closed,
        others.length ? make("p", { class: "hint" }, "Edited in JSON: ", make("code", {}, others.join(", "))) : null);
    };

    const draw = () => {
      const count = isObject(get(get(root, "parameters"), "properties")) ? get(get(root, "parameters"), "properties").entries.length : 0;
      const others = ["output_schema", "annotations"].filter((key) => get(root, key));
      box.replaceChildren(
        make("div", { class: "pn-h" }, make("h2", {}, "Form")), head(),
        make("div", { class: "pn-h pn-h2" }, make("h2", {}, "Parameters"), make("span", { class: "meta" }, String(count))), parameters(),
        ...(others.length ? [make("p", { class: "pn-f" }, "Edited in JSON: ", make("code", {}, others.join(", ")))] : []));
      drawProblems();
    };

    // Each problem stands in the innermost row that it speaks of.
    const drawProblems = () => {
      for (const old of box.querySelectorAll(".err[data-problem]")) old.remove();
      for (const { pointer, message, severity } of problems) {
        if (severity === "warning") continue;
        const rows = [...box.querySelectorAll("[data-pointer]")].filter((node) => pointer === node.dataset.pointer || pointer.startsWith(`${node.dataset.pointer}/`));
        const holder = rows.sort((a, b) => b.dataset.pointer.length - a.dataset.pointer.length)[0];
        const note = make("p", { class: "err", "data-problem": "" }, message);
        if (holder?.matches("input")) holder.after(note); else holder?.querySelector(":scope > .prow-h").after(note);
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
