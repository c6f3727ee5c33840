"use strict";
// Sorting and filtering. Without this script the page says the same, in the order of the run.
(() => {
  const { make } = bakeoff;
  const rowsOf = (body) => [...body.rows].filter((row) => !row.matches(".g, .s"));
  // A row's story, if it is open, goes where the row goes.
  const withStory = (row) => (row.nextElementSibling?.matches(".s") ? [row, row.nextElementSibling] : [row]);
  const keyOf = (row, column) => {
    const cell = row.cells[column], key = cell?.dataset.s;
    if (key === undefined) return null;
    const text = key || cell.textContent;
    const number = Number(text);
    return Number.isNaN(number) && text !== "NaN" ? text : number;
  };
  // Missing values stand last in either direction.
  const compare = (a, b, sign) => {
    if (a === null || b === null) return (a === null) - (b === null);
    return sign * (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b)));
  };
  const sort = (table, column, sign) => {
    const best = new Map();
    for (const body of table.tBodies) {
      const rows = rowsOf(body);
      rows.sort((a, b) => compare(keyOf(a, column), keyOf(b, column), sign));
      body.append(...rows.flatMap(withStory));
      best.set(body, rows.length ? keyOf(rows[0], column) : null);
    }
    if (table.tBodies.length > 1 && column > 0) {
      table.append(...[...table.tBodies].sort((a, b) => compare(best.get(a), best.get(b), sign)));
    }
  };
  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const title = head.querySelector(".t");
      if (!title || ![...table.tBodies].some((b) => rowsOf(b).some((r) => keyOf(r, column) !== null))) return;
      const button = make("button", { class: "t", type: "button", title: "Sort" }, title.textContent);
      title.replaceWith(button);
      button.addEventListener("click", () => {
        const sign = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
        sort(table, column, sign);
      });
    });
  }
  for (const table of document.querySelectorAll("table.filterable")) {
    const bodies = [...table.tBodies];
    const words = (column) => [...new Set(bodies.flatMap((b) => rowsOf(b).map((r) => r.cells[column].textContent)))];
    const choice = (label, column) => {
      const select = make("select", {}, make("option", { value: "" }, "all"));
      for (const word of words(column).sort()) select.append(make("option", { value: word }, word));
      return [make("label", {}, label, select), select, column];
    };
    const text = make("input", { type: "search", placeholder: "case or remark" });
    const choices = [choice("Backend", 0), choice("Outcome", 1), choice("Verdict", 4)];
    const count = make("output", { "aria-live": "polite" });
    const apply = () => {
      const wanted = text.value.toLowerCase();
      let shown = 0, total = 0;
      for (const body of bodies) {
        const title = body.rows[0].classList.contains("g") ? body.rows[0].textContent.toLowerCase() : "";
        let left = 0;
        for (const row of rowsOf(body)) {
          const hit = choices.every(([, select, column]) => !select.value || row.cells[column].textContent === select.value)
            && (title.includes(wanted) || row.textContent.toLowerCase().includes(wanted));
          for (const part of withStory(row)) part.hidden = !hit;
          left += hit;
          total += 1;
        }
        body.hidden = !left;
        shown += left;
      }
      count.textContent = shown === total ? `${total} cells` : `${shown} of ${total} cells`;
    };
    const box = make("div", { class: "filter", role: "search", "aria-label": table.caption.textContent },
      make("label", {}, "Find", text), ...choices.map(([label]) => label), count);
    table.closest(".scroll").before(box);
    box.addEventListener("input", apply);
    apply();
  }
})();
