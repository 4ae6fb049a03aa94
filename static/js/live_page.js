// Reads the page anew every so many seconds and changes what has changed, in place: nothing moves,
// what is open stays open, and nothing is touched where the reader is selecting or typing.
(() => {
  const area = document.querySelector("[data-refresh]");
  if (!area) return;
  const seconds = Number(area.dataset.refresh);
  const ids = () => [...document.querySelectorAll("[data-live][id]")];
  const busy = (part) => part.contains(document.activeElement) && document.activeElement !== document.body
    || (getSelection()?.type === "Range" && part.contains(getSelection().anchorNode));

  function change(part, fresh) {
    const figures = part.matches("[data-chart]") ? [part] : [...part.querySelectorAll("[data-chart]")];
    if (!figures.length) {
      if (!part.isEqualNode(fresh)) replace(part, fresh);
      return;
    }
    for (const figure of figures) {
      const other = fresh.id === figure.id ? fresh : fresh.querySelector(`#${CSS.escape(figure.id)}`);
      if (other) redraw(figure, other);
    }
  }

  // A table that was scrolled sideways stays where it was.
  function replace(part, fresh) {
    const shifts = [...part.querySelectorAll(".scroll-x")].map((one) => one.scrollLeft);
    part.replaceChildren(...fresh.childNodes);
    part.querySelectorAll(".scroll-x").forEach((one, at) => { one.scrollLeft = shifts[at] ?? 0; });
  }

  const same = (one, other) => one === other || Boolean(one && other && one.isEqualNode(other));

  // The drawing itself stays: only its numbers and its table are replaced.
  function redraw(figure, other) {
    const data = "[data-numbers]";
    if (Boolean(figure.querySelector("[data-drawing]")) !== Boolean(other.querySelector("[data-drawing]"))) {
      figure.replaceChildren(...other.childNodes);
    } else if (!["table", ".cht-m", data].every((part) => same(figure.querySelector(part), other.querySelector(part)))) {
      figure.querySelector(data).textContent = other.querySelector(data).textContent;
      figure.querySelector("table").replaceWith(other.querySelector("table"));
      figure.querySelector(".cht-m")?.remove();
      figure.querySelector("details").append(...other.querySelectorAll(".cht-m"));
    } else return;
    figure.setAttribute("aria-label", other.getAttribute("aria-label"));
    figure.dispatchEvent(new Event("chart:changed", { bubbles: true }));
  }

  async function refresh() {
    if (document.hidden) return;
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const part of ids()) {
        const fresh = page.getElementById(part.id);
        if (fresh && !busy(part)) change(part, fresh);
      }
    } catch { /* away for now: the next round tries again, and the numbers keep their time */ }
  }

  setInterval(refresh, seconds * 1000);
  document.addEventListener("visibilitychange", refresh);
})();
