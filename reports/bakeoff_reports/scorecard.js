"use strict";
// Weights: the reader's own. Points by method stand in the table; without this script the table
// shows the scores of the weights that bakeoff begins with.
(() => {
  const { make } = bakeoff;
  const FIRST = 4; // the column of the first points
  for (const table of document.querySelectorAll("table.scores")) {
    const methods = JSON.parse(table.dataset.methods);
    const heads = [...table.tHead.rows[0].cells].slice(FIRST);
    const start = heads.map((head) => Number(head.dataset.w));
    const rows = [...table.tBodies[0].rows];
    const points = new Map(methods.map(([name]) => [name,
      rows.map((row) => [...row.cells].slice(FIRST).map((cell) => Number(cell.dataset[name])))]));
    const missing = rows.map((row) => [...row.cells].slice(FIRST).map((cell) => "missing" in cell.dataset));

    const choice = make("select", {}, ...methods.map(([name, title]) => make("option", { value: name }, title)));
    const sliders = heads.map((head, i) => make("input",
      { type: "range", min: 0, max: Math.max(10, start[i]), step: start[i] % 0.5 ? "any" : 0.5, value: start[i] }));
    const shown = sliders.map(() => make("b", { "aria-hidden": "true" })); // the slider tells it
    const labels = heads.map((head, i) => make("label", {},
      make("span", {}, head.querySelector(".t").textContent, " ", shown[i]), sliders[i]));
    const reset = make("button", { type: "button" }, "Begin again");
    const order = make("output", { class: "order", "aria-live": "polite" });

    const weigh = () => {
      const weights = sliders.map((slider) => Number(slider.value));
      const total = weights.reduce((a, b) => a + b, 0);
      const [name, , decimals] = methods.find(([name]) => name === choice.value);
      const written = (x) => x.toFixed(decimals).replace(/^-(?=0\.?0*$)/, "").replace("-", "−");
      const added = points.get(name).map((row) => row.map((p, i) => (total ? weights[i] * p / total : 0)));
      const sums = added.map((row) => row.reduce((a, b) => a + b, 0));
      const key = sums.map((sum) => Math.round(sum * 1e9));
      const place = key.map((k) => 1 + key.filter((other) => other > k).length);
      const top = Math.max(...sums.map(Math.abs), 1e-9);
      weights.forEach((weight, i) => {
        shown[i].textContent = weight;
        heads[i].querySelector(".w").textContent = weight;
      });
      rows.forEach((row, r) => {
        row.cells[0].textContent = place[r];
        row.cells[2].querySelector("strong").textContent = written(sums[r]);
        const length = Math.max(0, name === "z" ? 100 * sums[r] / top : sums[r]);
        row.cells[2].querySelector(".fill").setAttribute("width", `${length.toFixed(1)}%`);
        const weighing = missing[r].filter((_, i) => weights[i] > 0);
        row.cells[3].textContent = `${weighing.filter((m) => !m).length} of ${weighing.length}`;
        added[r].forEach((x, i) => { row.cells[FIRST + i].querySelector(".v").textContent = written(x); });
      });
      const ranked = rows.map((_, r) => r).sort((a, b) => key[b] - key[a] || a - b);
      table.tBodies[0].append(...ranked.map((r) => rows[r]));
      order.textContent = total
        ? ranked.slice(0, 3).map((r) => `${place[r]}. ${rows[r].cells[1].textContent} ${written(sums[r])}`).join("   ")
        : "No column has a weight: give one to any.";
    };
    const begin = () => {
      sliders.forEach((slider, i) => { slider.value = start[i]; });
      choice.selectedIndex = 0;
      weigh();
    };
    reset.addEventListener("click", begin);
    const box = make("div", { class: "weights", role: "group", "aria-label": "Weights" },
      make("div", { class: "row" }, make("label", {}, "Method", choice), reset),
      make("div", { class: "sliders" }, ...labels), order);
    box.addEventListener("input", weigh);
    table.closest(".scroll").before(box);
    begin();
  }
})();
