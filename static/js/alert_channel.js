// A channel's form shows what its kind needs; without this script it shows all of it.
(() => {
  const kind = document.querySelector("[data-kinds] select[name='kind']");
  if (!kind) return;
  const show = () => document.querySelectorAll("[data-for]").forEach((part) => {
    part.hidden = !part.dataset.for.split(" ").includes(kind.value);
  });
  kind.addEventListener("change", show);
  show();
})();
