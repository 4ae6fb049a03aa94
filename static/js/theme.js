// In the head, before the first paint: the colours that were chosen, else those of the system.
(() => {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const read = () => { try { return localStorage.getItem("misfire-theme") || "system"; } catch { return "system"; } };
  const apply = () => {
    const choice = read();
    root.dataset.bsTheme = choice === "system" ? (system.matches ? "dark" : "light") : choice;
    root.dataset.themeChoice = choice;
  };
  apply();
  system.addEventListener("change", apply);
  addEventListener("storage", (event) => { if (event.key === "misfire-theme") apply(); });
  window.Misfire = {
    setTheme(choice) {
      try { localStorage.setItem("misfire-theme", choice); } catch { /* private mode: for this page only */ }
      apply();
    },
  };
})();
