"use strict";
// The plot of gain; `page` is what page.js shares with it. Returns what draws it anew.
function plotOf(page) {
  const { $, data, systems, state, make, valueOf, gainOf, text } = page;
  const SVG = "http://www.w3.org/2000/svg";
  function draw(tag, attributes, content) {
    const element = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    if (content !== undefined) element.textContent = content;
    return element;
  }
  function shape(k, x, y, r) {
    const kind = (k - 1) % 3;
    if (kind === 0) return draw("circle", { cx: x, cy: y, r });
    if (kind === 1) return draw("rect", { x: x - r, y: y - r, width: 2 * r, height: 2 * r });
    return draw("path", { d: `M${x} ${y - 1.3 * r}L${x + 1.2 * r} ${y + r}H${x - 1.2 * r}Z` });
  }
  function ticks(low, high) {
    const raw = (high - low) / 6 || 1, power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= raw);
    const found = [];
    for (let t = Math.ceil(low / step); t * step <= high + 1e-9; t++) found.push(t * step);
    return { found, digits: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) };
  }
  function plot() {
    const against = $("against").value, points = [];
    let infinite = 0;
    data.rows.forEach((row, i) => systems.forEach((_, k) => {
      const x = against === "confidence" ? row.c[k] : valueOf(row, 0);
      const y = k ? gainOf(row, k) : null;
      if (!k || x === null || y === null) return;
      if (Number.isFinite(x) && Number.isFinite(y)) points.push({ i, k, x, y });
      else infinite += 1;
    }));
    $("plot-note").textContent = infinite ? `Infinite, and not in the plot: ${infinite}` : "";
    const svg = $("plot");
    svg.replaceChildren();
    if (!points.length) {
      svg.append(draw("text", { x: 400, y: 180, "text-anchor": "middle" }, "nothing to plot"));
      return;
    }
    const range = (values, more) => {
      const low = Math.min(...values, ...more), high = Math.max(...values, ...more);
      const pad = (high - low || 1) * 0.05;
      return [low - pad, high + pad];
    };
    const [x0, x1] = range(points.map((p) => p.x), []);
    const [y0, y1] = range(points.map((p) => p.y), [0]);
    const toX = (x) => 60 + ((x - x0) / (x1 - x0)) * 725;
    const toY = (y) => 315 - ((y - y0) / (y1 - y0)) * 300;
    const across = ticks(x0, x1), up = ticks(y0, y1);
    for (const t of across.found) {
      svg.append(draw("line", { x1: toX(t), x2: toX(t), y1: 15, y2: 315 }));
      svg.append(draw("text", { x: toX(t), y: 331, "text-anchor": "middle" }, t.toFixed(across.digits)));
    }
    for (const t of up.found) {
      const zero = Math.abs(t) < 1e-9 ? "zero" : "";
      svg.append(draw("line", { x1: 60, x2: 785, y1: toY(t), y2: toY(t), class: zero }));
      svg.append(draw("text", { x: 54, y: toY(t) + 4, "text-anchor": "end" }, t.toFixed(up.digits)));
    }
    const name = data.metrics[state.metric].name;
    const label = against === "confidence" ? "confidence" : `${name} of the blurred input: less is more blur`;
    svg.append(draw("text", { x: 422, y: 352, "text-anchor": "middle" }, label));
    svg.append(draw("text", { transform: "rotate(-90)", x: -165, y: 14, "text-anchor": "middle" }, `gain, ${name}`));
    points.sort((a, b) => a.x - b.x);
    points.forEach((p, place) => {
      const dot = shape(p.k, toX(p.x), toY(p.y), 4.5);
      dot.setAttribute("class", `dot k${((p.k - 1) % 5) + 1}${p.i === state.open ? " open" : ""}`);
      dot.setAttribute("data-row", p.i);
      dot.setAttribute("data-system", p.k);
      dot.setAttribute("tabindex", place ? -1 : 0);
      dot.setAttribute("role", "button");
      dot.setAttribute("aria-label", `${data.rows[p.i].n}, ${systems[p.k]}: ${text(p.y, true)}`);
      svg.append(dot);
    });
    $("legend").replaceChildren(...systems.slice(1).map((system, k) => {
      const entry = make("span"), icon = draw("svg", { viewBox: "0 0 14 14", "aria-hidden": true });
      const mark = shape(k + 1, 7, 7, 5);
      mark.setAttribute("class", `k${(k % 5) + 1}`);
      icon.append(mark);
      entry.append(icon, system);
      return entry;
    }));
  }
  return plot;
}
