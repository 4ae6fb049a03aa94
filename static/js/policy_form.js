// A form for a policy, beside its JSON: rules, confirmation, sanitisers, content, plausible values.
//   const form = Misfire.policyForm(box, names, (value) => …);   called with the policy after a change
//   form.show(value), form.setProblems([{pointer, message}])
// What stands at its default is left out of the value, as the server writes it.
(() => {
  const SEVERITIES = [["rejected", "Reject"], ["flagged", "Flag"]];
  const CONTENT = [["sql_injection", "SQL statements"], ["prompt_injection", "Instructions to a model"], ["markup", "HTML and script"], ["control_characters", "Unseen characters"]];
  const STEPS = [["trim", "trim"], ["collapse_spaces", "collapse spaces"], ["lower", "lower case"], ["strip_control_characters", "strip control characters"], ["strip_markup", "strip markup"], ["normalise_unicode", "normalise Unicode"], ["truncate", "truncate"], ["replace", "replace a pattern"]];

  const make = (tag, attributes = {}, ...children) => {
    const node = document.createElement(tag);
    for (const [name, given] of Object.entries(attributes)) {
      if (name.startsWith("on")) node.addEventListener(name.slice(2), given);
      else if (typeof given === "boolean" || name === "value") node[name] = given;
      else node.setAttribute(name, given);
    }
    node.append(...children.filter((child) => child !== null));
    return node;
  };
  const isEmpty = (given) => given === "" || given === null || given === undefined || given === false
    || (typeof given === "object" && Object.keys(given).length === 0);
  // A number or true is written without quotes; everything else is a text.
  const toScalar = (line) => { try { const read = JSON.parse(line); return typeof read === "object" ? line : read; } catch { return line; } };
  const fromScalar = (held) => typeof held === "string" && toScalar(held) === held ? held : JSON.stringify(held);
  const lines = (given) => given.split("\n").map((line) => line.trim()).filter(Boolean);

  Misfire.policyForm = (box, names, onChange) => {
    let policy = {};
    let problems = [];
    let number = 0;

    const changed = () => onChange(policy);
    const put = (holder, key, given, standard) => {
      if (isEmpty(given) || given === standard) delete holder[key]; else holder[key] = given;
      changed();
    };
    const part = (key) => policy[key] ?? {};
    const putPart = (key, name, given, standard) => {
      const held = { ...part(key) };
      if (isEmpty(given) && given !== 0 || given === standard) delete held[name]; else held[name] = given;
      put(policy, key, held);
    };

    const labelled = (label, field, wide = false) => {
      field.id = `pf${number++}`;
      return make("div", { class: wide ? "fld wide" : "fld" }, make("label", { class: "lab", for: field.id }, label), field);
    };
    const input = (label, value, onInput, more = {}) =>
      labelled(label, make("input", { class: "inp", value: value ?? "", autocomplete: "off", oninput: (event) => onInput(event.target.value), ...more }));
    const area = (label, value, onInput, more = {}) =>
      labelled(label, make("textarea", { class: "inp mono", rows: "2", spellcheck: "false", value: value ?? "", oninput: (event) => onInput(event.target.value), ...more }), true);
    const select = (label, options, value, onPick) => labelled(label, make("select", { class: "sel", onchange: (event) => onPick(event.target.value) },
      ...options.map(([key, text]) => make("option", { value: key, selected: key === value }, text))));
    const numeric = (label, value, onInput, more = {}) => input(label, value, (given) => onInput(given === "" ? null : Number(given)), { type: "number", class: "inp num-i", ...more });
    const pointer = (holder) => input("Where", holder.pointer, (given) => { holder.pointer = given; changed(); }, { list: "pointers", placeholder: names.length ? `/${names[0]}` : "/city", class: "inp mono" });
    const wrong = (at) => {
      const found = problems.filter(({ pointer: place }) => place === at || place.startsWith(`${at}/`));
      return found.length ? make("p", { class: "err", role: "alert" }, found.map(({ message }) => `${message}.`).join(" ")) : null;
    };

    const section = (title, hint, ...content) => make("section", { class: "pn pfs", "aria-label": title },
      make("div", { class: "pn-h" }, make("h2", {}, title)), make("div", { class: "pn-b fields" }, hint ? make("p", { class: "hint" }, hint) : null, ...content));
    const item = (label, list, index, key, ...content) => make("fieldset", { class: "pitem" }, make("legend", {}, label), ...content, wrong(`/${key}/${index}`),
      make("button", { type: "button", class: "btn sm gho", "aria-label": `Remove ${label}`, onclick: () => { list.splice(index, 1); put(policy, key, list); draw(); } }, "Remove"));
    const adder = (text, key, fresh) => make("button", { type: "button", class: "btn sm", onclick: () => {
      policy[key] = [...(policy[key] ?? []), fresh()];
      changed();
      draw();
      [...box.querySelectorAll(`[aria-label="${CSS.escape(SECTIONS[key])}"] .pitem:last-of-type .inp`)][0]?.focus();
    } }, text);
    const SECTIONS = { rules: "Business rules", sanitisers: "Sanitisers", plausibility: "Plausible values" };

    const rules = () => {
      const list = policy.rules ?? [];
      return section(SECTIONS.rules, "Each must be true of a call, in CEL: args, conversation.calls, conversation.count, conversation.last_user, user, environment.",
        ...list.map((rule, index) => item(`Rule ${index + 1}`, list, index, "rules",
          input("Name", rule.name, (given) => { rule.name = given; changed(); }, { maxlength: "80" }),
          select("When it is not true", SEVERITIES, rule.severity ?? "rejected", (given) => put(rule, "severity", given, "rejected")),
          area("Must be true", rule.expression, (given) => { rule.expression = given; changed(); }, { placeholder: `args.${names[0] ?? "confirmation_code"} != ""`, maxlength: "1000" }),
          area("Only when (may be left empty)", rule.when, (given) => put(rule, "when", given), { rows: "1", maxlength: "1000" }),
          labelled("Message", make("input", { class: "inp", value: rule.message ?? "", maxlength: "300", oninput: (event) => put(rule, "message", event.target.value) }), true))),
        adder("Add a rule", "rules", () => ({ name: `Rule ${list.length + 1}`, expression: "" })));
    };

    const destructive = () => {
      const confirmation = part("confirmation");
      const rulesNamed = [["", "No rule"], ...(policy.rules ?? []).map(({ name }) => [name, name])];
      const tick = make("input", { type: "checkbox", checked: Boolean(policy.destructive), onchange: (event) => {
        put(policy, "destructive", event.target.checked);
        if (!event.target.checked) put(policy, "confirmation", null);
        draw();
      } });
      return section("Confirmation", "", make("label", { class: "req" }, tick, "Destructive: a call needs a confirmation"),
        ...(policy.destructive ? [
          input("Argument that must hold something", confirmation.argument, (given) => putPart("confirmation", "argument", given), { list: "pointers", class: "inp mono" }),
          select("Rule that confirms", rulesNamed, confirmation.rule ?? "", (given) => putPart("confirmation", "rule", given)),
          select("Without it", SEVERITIES, confirmation.severity ?? "rejected", (given) => putPart("confirmation", "severity", given, "rejected")),
          wrong("/confirmation")] : []));
    };

    const content = () => section("Content", "What runs over every text of the arguments.",
      ...CONTENT.map(([key, label]) => select(label, [["off", "Off"], ["flagged", "Flag"], ["rejected", "Reject"]], part("content")[key] ?? "flagged", (given) => putPart("content", key, given, "flagged"))),
      area("Not looked at (one pointer a line)", (part("content").exclude ?? []).join("\n"), (given) => putPart("content", "exclude", lines(given)), { rows: "1" }), wrong("/content"));

    const plausibility = () => {
      const list = policy.plausibility ?? [];
      const scalars = (label, one, key) => area(label, (one[key] ?? []).map(fromScalar).join("\n"), (given) => put(one, key, lines(given).map(toScalar)), { rows: "2" });
      return section(SECTIONS.plausibility, "Texts are compared without regard to case and spaces.",
        ...list.map((one, index) => item(`Place ${index + 1}`, list, index, "plausibility", pointer(one),
          select("When it is not plausible", SEVERITIES, one.severity ?? "flagged", (given) => put(one, "severity", given, "flagged")),
          scalars("Allowed values (one a line)", one, "allowed"), scalars("Refused values (one a line)", one, "refused"),
          numeric("At least", one.minimum, (given) => given === 0 ? (one.minimum = 0, changed()) : put(one, "minimum", given), { step: "any" }),
          numeric("At most", one.maximum, (given) => given === 0 ? (one.maximum = 0, changed()) : put(one, "maximum", given), { step: "any" }),
          input("Pattern (RE2)", one.pattern, (given) => put(one, "pattern", given), { class: "inp mono" }))),
        adder("Add a place", "plausibility", () => ({ pointer: names.length ? `/${names[0]}` : "" })));
    };

    const step = (one, index, steps) => make("div", { class: "pstep" },
      select(`Step ${index + 1}`, STEPS, one.do, (given) => { steps[index] = { do: given, ...(given === "truncate" ? { length: 100 } : {}), ...(given === "replace" ? { pattern: "" } : {}) }; changed(); draw(); }),
      one.do === "truncate" ? numeric("Characters", one.length, (given) => { one.length = given; changed(); }, { min: "0" }) : null,
      one.do === "normalise_unicode" ? select("Form", [["NFC", "NFC"], ["NFKC", "NFKC"]], one.form ?? "NFC", (given) => put(one, "form", given, "NFC")) : null,
      one.do === "replace" ? input("Pattern (RE2)", one.pattern, (given) => { one.pattern = given; changed(); }, { class: "inp mono" }) : null,
      one.do === "replace" ? input("Replacement", one.replacement, (given) => put(one, "replacement", given), { class: "inp mono" }) : null,
      steps.length > 1 ? make("button", { type: "button", class: "btn sm gho", "aria-label": `Remove step ${index + 1}`, onclick: () => { steps.splice(index, 1); changed(); draw(); } }, "Remove step") : null);

    const sanitisers = () => {
      const list = policy.sanitisers ?? [];
      return section(SECTIONS.sanitisers, "What an application should hand on. The effect is shown; the record keeps what the model sent.",
        ...list.map((one, index) => item(`Sanitiser ${index + 1}`, list, index, "sanitisers", pointer(one), ...(one.steps ?? []).map((each, at) => step(each, at, one.steps)),
          make("button", { type: "button", class: "btn sm", onclick: () => { one.steps = [...(one.steps ?? []), { do: "collapse_spaces" }]; changed(); draw(); } }, "Add a step"))),
        adder("Add a sanitiser", "sanitisers", () => ({ pointer: names.length ? `/${names[0]}` : "", steps: [{ do: "trim" }] })));
    };

    const tick = (label, value, onPick) => make("label", { class: "req" }, make("input", { type: "checkbox", checked: value, onchange: (event) => onPick(event.target.checked) }), label);
    const execution = Misfire.policyExecution({ make, fields: { section, input, area, select, numeric, tick }, policy: () => policy, put: (key, given) => put(policy, key, given), changed, redraw: () => draw(), wrong });

    const draw = () => box.replaceChildren(rules(), destructive(), content(), plausibility(), sanitisers(), ...execution());

    return {
      show(value) { policy = value; draw(); },
      setProblems(found) {
        const before = problems.map(({ pointer: at, message }) => at + message).join();
        problems = found;
        if (!box.contains(document.activeElement)) { draw(); return; }
        // While somebody writes in a field, only its list's messages change.
        if (before === found.map(({ pointer: at, message }) => at + message).join()) return;
        for (const [key] of Object.entries(SECTIONS)) {
          box.querySelectorAll(`[aria-label="${CSS.escape(SECTIONS[key])}"] .pitem`).forEach((node, index) => {
            node.querySelector(":scope > .err")?.remove();
            const message = wrong(`/${key}/${index}`);
            if (message) node.querySelector(":scope > .btn:last-child").before(message);
          });
        }
      },
    };
  };
})();
