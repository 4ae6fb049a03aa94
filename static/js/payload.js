// Try a payload: the server judges while one types, the editor marks what it found, the address
// holds the payload (in its fragment where it is long).
(() => {
  const form = document.getElementById("try");
  const area = document.getElementById("arguments");
  const link = document.getElementById("try-link");
  const LONGEST = 1500;
  let timer = 0;
  let asked = 0;

  const mark = () => {
    const marks = document.getElementById("payload-marks");
    editor.setErrors(marks ? JSON.parse(marks.dataset.marks) : []);
  };

  const check = async () => {
    asked += 1;
    const mine = asked;
    keep();
    const values = Object.fromEntries(new FormData(form));
    await htmx.ajax("POST", form.dataset.check, { target: "#try-out", values });
    if (mine === asked) mark();
  };

  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(check, 250);
  };

  // The address names what is on the page, so that it can be sent to somebody.
  const keep = () => {
    const values = new URLSearchParams([...new FormData(form)].filter(([, value]) => value));
    const text = values.get("arguments") ?? "";
    const isLong = values.toString().length > LONGEST;
    if (isLong) values.delete("arguments");
    history.replaceState(null, "", `?${values}${isLong ? `#arguments=${encodeURIComponent(text)}` : ""}`);
  };

  const fragment = location.hash.match(/^#arguments=(.*)$/s);
  if (fragment) {
    try { area.value = decodeURIComponent(fragment[1]); } catch { /* a cut link: what the server made stays */ }
  }
  const editor = Misfire.editor(area, { lint: false, onChange: later });
  for (const field of form.querySelectorAll("select, input")) field.addEventListener("input", later);
  form.addEventListener("submit", (event) => { event.preventDefault(); check(); });
  link.addEventListener("click", async () => {
    keep();
    await navigator.clipboard.writeText(location.href);
    link.querySelector("span").textContent = "Copied";
    setTimeout(() => { link.querySelector("span").textContent = "Copy link"; }, 1500);
  });
  if (fragment) check(); else mark();
})();
