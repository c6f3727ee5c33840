"use strict";
// A program as a graph: ops with the values they read, forward; and backward, where a gradient
// is asked for, the cotangents that each op hands to what it read.
bakeoff.graph = (() => {
  const { make, draw, text } = bakeoff;
  const WIDTH = 118, COLUMN = 184, ROW = 78, LINE = 14, APART = 5, MARGIN = 8;

  // Vertices by name, each with its layer; edges between neighbouring layers only, a long one
  // being led through bends.
  const layered = (program) => {
    const vertices = new Map(), edges = [];
    const wrt = new Set(program.wrt ?? []), needs = new Set(wrt);
    for (const [name, shape] of program.inputs ?? [])
      vertices.set(name, { name, kind: wrt.has(name) ? "wrt" : "input", title: name, shape, layer: 0 });
    for (const [name, op, reads, , shape] of program.nodes) {
      const from = reads.filter((r) => typeof r === "string");
      const layer = 1 + Math.max(0, ...from.map((r) => vertices.get(r).layer));
      vertices.set(name, { name, kind: "op", title: op, shape, layer });
      from.forEach((r, i) => edges.push({ from: r, to: name, back: needs.has(r), port: i - (from.length - 1) / 2 }));
      if (from.some((r) => needs.has(r))) needs.add(name);
    }
    for (const name of program.outputs) {
      const end = `${name} out`, seed = program.optimizer ? "1" : "dout";
      vertices.set(end, { name: end, kind: "end", title: program.optimizer ? "loss" : "output", shape: "",
        layer: vertices.get(name).layer + 1 });
      edges.push({ from: name, to: end, back: needs.has(name), port: 0, label: seed });
    }
    for (const v of vertices.values()) { // what is fed stands beside its first reader
      const readers = edges.filter((e) => e.from === v.name).map((e) => vertices.get(e.to).layer);
      if (v.kind !== "op" && v.kind !== "end" && readers.length) v.layer = Math.min(...readers) - 1;
    }
    for (const edge of edges) {
      const [a, b] = [vertices.get(edge.from), vertices.get(edge.to)];
      edge.path = [a];
      for (let layer = a.layer + 1; layer < b.layer; layer += 1) {
        const bend = { name: `${edge.from} ${edge.to} ${layer}`, kind: "bend", layer };
        vertices.set(bend.name, bend);
        edge.path.push(bend);
      }
      edge.path.push(b);
    }
    return { vertices: [...vertices.values()], edges };
  };

  // Rows within each layer, by the mean of the neighbours' rows, so that few edges cross.
  const arranged = ({ vertices, edges }) => {
    const layers = [];
    for (const v of vertices) (layers[v.layer] ??= []).push(v);
    const steps = edges.flatMap((e) => e.path.slice(1).map((b, i) => [e.path[i], b]));
    const tallest = Math.max(...layers.map((l) => l.length));
    const centre = (layer) => layer.forEach((v, i) => { v.row = i + (tallest - layer.length) / 2; });
    layers.forEach(centre);
    for (let sweep = 0; sweep < 6; sweep += 1) {
      const forward = sweep % 2 === 0;
      for (const layer of forward ? layers : [...layers].reverse()) {
        for (const v of layer) {
          const rows = steps.filter((s) => s[forward ? 1 : 0] === v).map((s) => s[forward ? 0 : 1].row);
          v.wish = rows.length ? rows.reduce((a, b) => a + b) / rows.length : v.row;
        }
        layer.sort((a, b) => a.wish - b.wish);
        centre(layer);
      }
    }
    return { width: layers.length, height: tallest };
  };

  const lines = (title) => title.split(/(?<=_)/).reduce((found, part) => {
    if (found.length && (found.at(-1) + part).length <= 16) found[found.length - 1] += part;
    else found.push(part);
    return found;
  }, []);

  const box = (v) => {
    const words = v.kind === "end" ? [v.title] : [...lines(v.title), v.shape];
    const height = LINE * words.length + 12;
    const shape = v.kind === "end" ? [] : [draw("rect", {
      x: v.x, y: v.y - height / 2, width: WIDTH, height, rx: v.kind === "op" ? 3 : height / 2 })];
    return draw("g", { class: v.kind }, ...shape, ...words.map((word, i) => draw("text", {
      x: v.kind === "end" ? v.x : v.x + WIDTH / 2, y: v.y - height / 2 + 6 + LINE * (i + 0.78),
      "text-anchor": v.kind === "end" ? "start" : "middle",
      class: i === words.length - 1 && v.kind !== "end" ? "shape" : "name" }, word)));
  };

  // From right edge to left edge, level at both ends and at each bend.
  const route = (edge, offset) => {
    const last = edge.path.length - 1;
    const points = edge.path.flatMap((v, i) => {
      const y = v.y + offset + (i === last ? 15 * edge.port : 0);
      if (i === 0) return [[v.x + WIDTH + 1, y]];
      return i === last ? [[v.x - 2, y]] : [[v.x, y], [v.x + WIDTH, y]];
    });
    const d = points.map(([x, y], i) => {
      if (i === 0) return `M${x} ${y}`;
      const [px, py] = points[i - 1], half = (x - px) / 2;
      return `C${px + half} ${py} ${px + half} ${y} ${x} ${y}`;
    }).join("");
    return { d, points };
  };
  const arrow = ([x, y], sign) => draw("path", { class: "head", d: `M${x} ${y}l${-7 * sign} -3.5v7z` });
  const join = (edge) => {
    const forward = route(edge, edge.back ? -APART : 0);
    const drawn = [draw("g", { class: "forward" }, draw("path", { d: forward.d }), arrow(forward.points.at(-1), 1))];
    if (edge.back) {
      const { d, points } = route(edge, APART), [[x, y], [nx, ny]] = points;
      drawn.push(draw("g", { class: "backward" }, draw("path", { d }), arrow(points[0], -1),
        draw("text", { x: (x + nx) / 2, y: (y + ny) / 2 + 14, "text-anchor": "middle" }, edge.label ?? `d${edge.from}`)));
    }
    return drawn;
  };

  const listing = (program) => {
    const show = (r) => (typeof r === "string" ? r : r[0]);
    const needs = new Set(program.wrt ?? []), backward = [];
    const forward = program.nodes.map(([name, op, reads, attributes, shape]) => {
      const args = reads.map(show).join(", ");
      const into = reads.filter((r) => needs.has(r)).map((r) => `d${r}`);
      if (into.length) {
        needs.add(name);
        backward.unshift(`${into.join(", ")} = ${op}.backward(${args}, dout=d${name})`);
      }
      return `${name} = ${op}(${[args, attributes].filter(Boolean).join(", ")})  # ${shape}`;
    });
    const update = program.optimizer && `${program.wrt.join(", ")} = ${program.optimizer}(${program.wrt.map((p) => `d${p}`).join(", ")})`;
    return [...forward, ...(backward.length ? ["", ...backward] : []), ...(update ? ["", update] : [])].join("\n");
  };

  return (program) => {
    if (!Array.isArray(program.nodes)) return make("p", {}, `A program of ${program.nodes} ops: too large to draw.`);
    const graph = layered(program), size = arranged(graph);
    const uneven = Math.max(0, ...graph.vertices.map((v) => lines(v.title ?? "").length - 2)) * LINE;
    for (const v of graph.vertices) {
      v.x = MARGIN + COLUMN * v.layer;
      v.y = MARGIN + (ROW + uneven) * (v.row + 0.5);
    }
    const width = COLUMN * (size.width - 1) + 70, height = (ROW + uneven) * size.height + 2 * MARGIN;
    const told = program.wrt?.length
      ? "Solid: forward. Dashed: backward, with the gradient that each op hands on; of a value read twice they add up."
      : "What each op reads; no gradient is asked for.";
    const drawing = draw("svg", { class: "graph", viewBox: `0 0 ${width} ${height}`, width, height, role: "img",
      "aria-label": `The program as a graph of ${program.nodes.length} ops; the text below says the same` },
      ...graph.edges.flatMap(join), ...graph.vertices.filter((v) => v.kind !== "bend").map(box));
    return make("div", {}, make("figure", { class: "drawing" },
      make("div", { class: "scroll", role: "group", "aria-label": "Program graph", tabindex: 0 }, drawing),
      make("figcaption", {}, told)), text("The same as text", listing(program)));
  };
})();
