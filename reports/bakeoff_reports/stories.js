"use strict";
// Every cell opens to its story: why, how wrong, each sample, the program, how to run it again.
(async () => {
  const { make, draw, data, unit, scientific, text, graph } = bakeoff;
  const told = await data("stories");
  if (!told) return;
  const side = told.pairs.length;

  const table = (caption, heads, rows) => make("table", { class: "plain" }, make("caption", {}, caption),
    make("thead", {}, make("tr", {}, ...heads.map((h) => make("th", { scope: "col" }, h)))),
    make("tbody", {}, ...rows.map(([first, ...rest]) => make("tr", {}, make("th", { scope: "row" }, first),
      ...rest.map((cell) => make("td", {}, cell))))));

  // A dot on a logarithmic scale, the bound marked.
  const gauge = (fraction) => {
    const place = Math.max(0, Math.min(1, (Math.log10(fraction) + 4) / 6)), width = 150;
    const x = (share) => 6 + share * (width - 12);
    return draw("svg", { class: "gauge", width, height: 16, "aria-hidden": "true" },
      draw("path", { d: `M${x(0)} 8H${x(1)}` }), draw("path", { class: "bound", d: `M${x(4 / 6)} 2V14` }),
      draw("circle", { class: fraction <= 1 ? "good" : "bad", cx: x(Number.isFinite(fraction) ? place : 1), cy: 8, r: 4 }));
  };
  const errors = (checks) => {
    const shown = checks.filter(Array.isArray), [left] = checks.slice(shown.length);
    return make("div", { class: "scroll", role: "group", "aria-label": "Error against its bound", tabindex: 0 },
      table("The worst error of each output against its bound, the line; the scale is logarithmic"
        + (left ? `; ${left} outputs further from it are left out` : ""),
        ["Output", "On a scale", "Of its bound", "Error", "Bound", "Kind"], shown.map(([output, kind, fraction, error, bound]) =>
          [output, gauge(Number(fraction)), String(fraction), scientific(error), scientific(bound), kind])));
  };

  const decoded = ([, low, high, rounds]) => rounds.map((code) =>
    [...atob(code)].map((c) => low + (high - low) * (c.charCodeAt(0) / 255)));
  const middle = (values) => {
    const sorted = [...values].sort((a, b) => a - b), half = sorted.length >> 1;
    return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
  };
  const ticks = (low, high) => {
    const rough = (high - low) / 4, size = 10 ** Math.floor(Math.log10(rough));
    const step = size * ([1, 2, 5, 10].find((m) => m * size >= rough) ?? 10);
    const found = [];
    for (let i = Math.ceil(low / step); i * step <= high; i += 1) found.push(i * step);
    return [found, step];
  };
  // A row per process round, a dot per block, a line at the round's median.
  const strip = (cell, reference, name, other, width) => {
    const own = decoded(cell);
    const alike = reference !== cell && reference[3]?.length
      && Math.max(cell[2], reference[2]) < 3 * Math.min(cell[1], reference[1]);
    const beside = alike ? decoded(reference) : [];
    const all = [...own, ...beside].flat();
    let [low, high] = [Math.min(...all), Math.max(...all)];
    if (low === high) [low, high] = [0.99 * low, 1.01 * high + 1];
    const [left, pitch, top] = [64, 18, 6], right = width - 14, bottom = top + pitch * own.length;
    const x = (ns) => left + ((ns - low) / (high - low)) * (right - left);
    const y = (round) => top + pitch * (round + 0.5);
    const [size, symbol] = unit(high), [marks, step] = ticks(low, high);
    const digits = Math.max(0, Math.min(6, Math.ceil(-Math.log10(step / size))));
    const dots = (rounds, kind) => draw("g", { class: kind }, ...rounds.slice(0, own.length).flatMap((times, round) => [
      ...times.map((ns) => draw("circle", { cx: x(ns).toFixed(1), cy: y(round), r: 3.2 })),
      draw("path", { d: `M${x(middle(times)).toFixed(1)} ${y(round) - 7}v14` })]));
    const drawing = draw("svg", { class: "strip", width, height: bottom + 34, viewBox: `0 0 ${width} ${bottom + 34}`, role: "img",
      "aria-label": `Times of ${name} by round: ${own.map((t) => (middle(t) / size).toFixed(digits)).join(", ")} ${symbol}` },
      ...marks.flatMap((ns) => [draw("path", { class: "grid", d: `M${x(ns).toFixed(1)} ${top}V${bottom}` }),
        draw("text", { x: x(ns).toFixed(1), y: bottom + 15, "text-anchor": "middle" }, (ns / size).toFixed(digits))]),
      ...own.map((_, i) => draw("text", { x: left - 10, y: y(i) + 4, "text-anchor": "end" }, `round ${i + 1}`)),
      dots(beside, "beside"), dots(own, "own"),
      draw("text", { x: right, y: bottom + 30, "text-anchor": "end" }, `${symbol} per call`));
    const [rounds, blocks] = cell[4] || [];
    return make("figure", { class: "drawing" }, drawing, make("figcaption", {},
      "Every timed block: a row per process round, a line at its median."
      + (alike ? ` Grey: ${other} in the same rounds.` : "")
      + (rounds ? ` Of ${blocks} blocks in ${rounds} rounds every few are drawn.` : "")));
  };

  // What the suite's second table keeps apart, of this cell.
  const apart = (k) => {
    const row = document.querySelector(`table.plain th[data-k="${k}"]`)?.parentNode;
    if (!row) return [];
    const words = (cell) => {
      const [value, note] = [...cell.childNodes].map((n) => n.textContent);
      return note ? `${value} (${note})` : value;
    };
    const heads = row.closest("table").tHead.rows[0].cells;
    return [make("dl", { class: "apart" }, ...[...row.cells].slice(1).map((cell) => make("div", {},
      make("dt", {}, words(heads[cell.cellIndex])), make("dd", {}, words(cell)))))];
  };

  const command = (k, program) =>
    ["bakeoff run", `--cases ${program.quoted ?? program.id}`, `--backends ${told.pairs[k % side]}`, ...told.options].join(" \\\n  ");

  const fill = (place, row, k) => {
    const cell = told.cells[k], first = k - (k % side), program = told.cases[k / side | 0];
    const [checks = [], , , samples = [], , reason = 0, log = 0] = cell;
    const [backend, outcome, , , verdict, , remark] = [...row.cells].map((c) => c.textContent.trim());
    const chip = row.cells[1].firstElementChild.cloneNode(true);
    const parts = [make("h4", {}, `${backend} on ${program.id}`),
      make("p", {}, chip, verdict && verdict !== "–" ? ` · ${verdict}` : "", remark ? ` · ${remark}` : "")];
    if (reason) parts.push(text("Reason", told.texts[reason]));
    if (log) parts.push(text("End of the worker’s log", told.texts[log]));
    if (checks.length) parts.push(errors(checks));
    if (samples.length) parts.push(strip(cell, told.cells[first], backend, told.reference, Math.min(720, place.clientWidth - 20)));
    else parts.push(make("p", { class: "muted" }, "No timed samples."));
    parts.push(...apart(k), graph(program), text("Run this cell again", command(k, program)));
    place.append(...parts);
  };

  const toggle = (button, row, k) => {
    const open = button.getAttribute("aria-expanded") === "true";
    button.setAttribute("aria-expanded", String(!open));
    if (open) { row.nextElementSibling.remove(); return; }
    const place = make("div", { class: "opened" });
    row.after(make("tr", { class: "s" }, make("td", { colspan: row.cells.length }, place)));
    fill(place, row, k);
  };
  for (const head of document.querySelectorAll("table.cells th[data-k]")) {
    const button = make("button", { type: "button", class: "opens", "aria-expanded": "false" }, ...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => toggle(button, head.parentNode, Number(head.dataset.k)));
  }
})();
