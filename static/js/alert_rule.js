// A rule's form shows what its metric needs; without this script it shows all of it.
(() => {
  const metric = document.querySelector("#al-form select[name='metric']");
  if (!metric) return;
  const show = () => document.querySelectorAll("[data-of]").forEach((part) => {
    part.hidden = (part.dataset.of === "budget") !== (metric.value === "budget_used");
  });
  metric.addEventListener("change", show);
  show();
})();
