"use strict";
// What the page's scripts share: elements, data of a section, numbers as the page writes them.
const bakeoff = (() => {
  const fill = (element, attributes, children) => {
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };
  const make = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);
  const draw = (tag, attributes = {}, ...children) =>
    fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
  // A promise of what a section packed: JSON in gzip in base64. Nothing where that cannot be read.
  const data = async (name) => {
    const element = document.getElementById(`data-${name}`);
    if (!element || !globalThis.DecompressionStream) return null;
    const packed = Uint8Array.from(atob(element.textContent), (c) => c.charCodeAt(0));
    return new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"))).json();
  };
  const UNITS = [[1e9, "s"], [1e6, "ms"], [1e3, "µs"], [1, "ns"]];
  const unit = (ns) => UNITS.find(([size]) => ns >= size) ?? UNITS.at(-1);
  const scientific = (value) => {
    if (typeof value !== "number" || value === 0) return String(value);
    const [digits, power] = value.toExponential(1).split("e");
    return `${digits}×10${[...String(Number(power))].map((c) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(c)]).join("")}`;
  };
  // A figure of text with a button that copies it.
  const copyable = (figure) => {
    const button = make("button", { type: "button", class: "copy" }, "Copy"), said = make("output");
    const code = figure.querySelector("code");
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(code.textContent);
        said.textContent = "Copied";
      } catch { // not allowed here: the reader's own copying is left
        getSelection().selectAllChildren(code);
        said.textContent = "Selected";
      }
    });
    figure.querySelector("figcaption").append(" ", button, " ", said);
    return figure;
  };
  const text = (label, content) =>
    copyable(make("figure", { class: "code" }, make("figcaption", {}, label),
      make("pre", { tabindex: 0 }, make("code", {}, content))));
  for (const figure of document.querySelectorAll("figure.code")) copyable(figure);
  return { make, draw, data, unit, scientific, text };
})();
