// How a tool is run, as a part of the policy's form (policy_form.js): its executor and its bounds.
//   const draw = Misfire.policyExecution({ make, fields, policy, put, changed, redraw, wrong });
//   draw()   gives the two sections for the policy as it stands
// What stands at its default is left out of the value, as the server writes it.
(() => {
  const KINDS = [["", "Nothing: your application runs it"], ["http", "HTTP request"], ["lambda", "AWS Lambda"], ["mcp", "MCP server"], ["mock", "Mock"]];
  const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"].map((name) => [name, name]);
  const ANSWERS = [["fixed", "A fixed text"], ["sampled", "Sampled from the output schema"], ["recorded", "Recorded: the last result for the same arguments"]];
  const EFFECTS = [["", "By the definition, or the name"], ["read", "It reads"], ["write", "It writes"]];
  const FRESH = { mock: {}, http: { url: "https://" }, lambda: { function: "", region: "us-east-1" }, mcp: { url: "https://" } };
  const AT = "/execution/executor";

  const readJson = (text) => { try { return JSON.parse(text); } catch { return text; } };
  const showJson = (value) => value === undefined || value === null ? "" : typeof value === "string" ? value : JSON.stringify(value);
  const readTimeouts = (text) => Object.fromEntries(text.split("\n").map((line) => line.split(":").map((part) => part.trim())).filter(([version]) => version)
    .map(([version, ms]) => [version, ms === undefined || ms === "" || Number.isNaN(Number(ms)) ? ms ?? "" : Number(ms)]));
  const showTimeouts = (held) => Object.entries(held ?? {}).map(([version, ms]) => `${version}: ${ms}`).join("\n");

  Misfire.policyExecution = ({ make, fields, policy, put, changed, redraw, wrong }) => {
    const { section, input, area, select, numeric, tick } = fields;
    const run = () => policy().execution ?? {};
    const set = (key, given, standard) => {
      const held = { ...run() };
      if (given === null || given === undefined || given === "" || given === standard || (typeof given === "object" && !Object.keys(given).length && key !== "breaker")) delete held[key];
      else held[key] = given;
      put("execution", held);
    };
    const held = () => (typeof run().executor === "object" ? run().executor : {});
    const text = (label, key, more = {}) => input(label, held()[key], (given) => setOwn(key, given), more);
    const setOwn = (key, given, standard = "") => {
      const own = held();
      if (given === null || given === undefined || given === standard) delete own[key]; else own[key] = given;
      changed();
    };
    const wide = (field) => { field.classList.add("wide"); return field; };
    const result = () => text("Part of the answer that is the result", "result", { class: "inp mono", placeholder: "/data: empty is all of it" });
    const variable = (label, key, standard) => text(label, key, { class: "inp mono", placeholder: standard ?? "empty for none" });

    const header = (one, index, list) => make("fieldset", { class: "pitem" }, make("legend", {}, `Header ${index + 1}`),
      input("Name", one.name, (given) => { one.name = given; changed(); }, { class: "inp mono", maxlength: "100" }),
      input("Value", one.value, (given) => { if (given) one.value = given; else delete one.value; changed(); }, { maxlength: "500" }),
      input("Or from the environment variable", one.variable, (given) => { if (given) one.variable = given; else delete one.variable; changed(); }, { class: "inp mono", placeholder: "WEATHER_API_KEY" }),
      input("Before it", one.prefix, (given) => { if (given) one.prefix = given; else delete one.prefix; changed(); }, { placeholder: "Bearer", maxlength: "40" }),
      wrong(`${AT}/headers/${index}`),
      make("button", { type: "button", class: "btn sm gho", "aria-label": `Remove header ${index + 1}`, onclick: () => { list.splice(index, 1); if (!list.length) delete held().headers; changed(); redraw(); } }, "Remove"));

    const parts = {
      "": () => [],
      mock: (own) => [
        select("The answer is", ANSWERS, own.answer ?? "fixed", (given) => { setOwn("answer", given, "fixed"); if (given !== "fixed") delete own.content; changed(); redraw(); }),
        numeric("It takes, ms", own.delay_ms, (given) => setOwn("delay_ms", given, null), { min: "0", max: "60000" }),
        ...((own.answer ?? "fixed") === "fixed" ? [area("Answer", own.content, (given) => setOwn("content", given), { placeholder: '{"temperature": 21}' })] : [])],
      http: (own) => [
        select("Method", METHODS, own.method ?? "GET", (given) => { if (["GET", "DELETE"].includes(given)) delete own.body; setOwn("method", given, "GET"); redraw(); }),
        result(), wide(text("Address", "url", { class: "inp mono", maxlength: "2000", placeholder: "https://api.example.com/weather/{city}" })),
        ...(["GET", "DELETE"].includes(own.method ?? "GET") ? [] : [area("Body as JSON, {name} is an argument; empty sends all that the address does not take", showJson(own.body), (given) => setOwn("body", given.trim() ? readJson(given) : null))]),
        ...(own.headers ?? []).map(header),
        make("button", { type: "button", class: "btn sm", onclick: () => { own.headers = [...(own.headers ?? []), { name: "" }]; changed(); redraw(); } }, "Add a header")],
      lambda: () => [
        text("Function, its name or ARN", "function", { class: "inp mono" }), text("Region", "region", { class: "inp mono" }),
        text("Version or alias", "qualifier", { class: "inp mono", placeholder: "empty for the latest" }), text("Another address than AWS", "endpoint", { class: "inp mono" }),
        variable("Variable of the access key", "key_variable", "AWS_ACCESS_KEY_ID"), variable("Variable of the secret key", "secret_variable", "AWS_SECRET_ACCESS_KEY"),
        variable("Variable of the session token", "session_variable"), result()],
      mcp: () => [
        text("Address", "url", { class: "inp mono", placeholder: "https://mcp.example.com/mcp" }), text("Or a command that MCP_COMMANDS lists", "command", { class: "inp mono" }),
        text("Its name on the server", "tool", { class: "inp mono", placeholder: "empty if it is the same" }), variable("Variable of the key", "key_variable"), result()],
    };

    const executor = () => section("Execution", "What runs a call in the playground and through the API. A destructive tool always asks a person first.",
      select("Run by", KINDS, held().kind ?? "", (given) => { set("executor", given ? { kind: given, ...FRESH[given] } : null); redraw(); }),
      select("What it does", EFFECTS, run().effect ?? "", (given) => set("effect", given, "")),
      ...(parts[held().kind ?? ""] ?? parts[""])(held()),
      input("Argument that names what it touches", run().resource, (given) => set("resource", given), { list: "pointers", class: "inp mono" }),
      tick("Idempotent: calling twice does no more than once", Boolean(run().idempotent), (given) => set("idempotent", given, false)),
      wrong(AT), wrong("/execution/effect"), wrong("/execution/resource"));

    const number = (label, key, standard, more = {}) => numeric(label, run()[key], (given) => set(key, given, standard), { min: "0", ...more });
    const breaker = (key, label, standard) => numeric(label, run().breaker?.[key], (given) => {
      const held = { ...run().breaker };
      if (given === null) delete held[key]; else held[key] = given;
      set("breaker", Object.keys(held).length ? held : null);
    }, { min: "1", placeholder: run().breaker ? standard : "" });

    const BOUNDS = ["timeout_ms", "timeouts", "rate", "budget", "retries", "retry_wait_ms", "breaker", "cache_ttl", "cost"];
    const bounds = () => section("Bounds", "Each that bites is a finding on the call, with its numbers.",
      number("Timeout, ms", "timeout_ms", null, { placeholder: "5000" }), area("Timeouts of single versions (version: ms)", showTimeouts(run().timeouts), (given) => set("timeouts", readTimeouts(given)), { rows: "1", placeholder: "3: 10000" }),
      number("Calls a minute and user", "rate"), number("Calls a conversation", "budget"),
      number("Tried again, times", "retries", 0, { max: "5" }), number("After up to, ms, doubled each time", "retry_wait_ms", 200, { placeholder: "200" }),
      breaker("failures", "Stop after failures in a row", "5"), breaker("open_s", "For, s", "30"),
      number("Cache results for, s", "cache_ttl"), number("Cost of a call, $", "cost", null, { step: "any" }),
      ...BOUNDS.map((key) => wrong(`/execution/${key}`)));

    return () => [executor(), bounds()];
  };
})();
