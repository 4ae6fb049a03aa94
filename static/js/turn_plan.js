// The turn's page: the plan of its calls and their waterfall.
import { planView, waterfall } from "./call_plan.js";

const found = document.getElementById("turn-plan-data");
const place = document.getElementById("turn-plan");
if (found && place) {
  const { plan, schedule, foreseen, notes } = JSON.parse(found.textContent);
  place.append(planView(plan));
  if (schedule) place.append(waterfall(plan, schedule, { foreseen, notes }));
}
