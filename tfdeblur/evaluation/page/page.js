"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const $ = (id) => document.getElementById(id);
  const SVG = "http://www.w3.org/2000/svg";
  const ZOOM_SIDE = 192; // CSS pixels of a crop
  const systems = data.systems; // the first is the blurred input
  const state = { metric: 0, sort: 0, down: false, open: -1, order: data.rows.map((_, i) => i) };

  const number = (value) => (value === "inf" ? Infinity : value === "-inf" ? -Infinity : value);
  function valueOf(row, system, metric = state.metric) {
    const values = row.v[system];
    return values ? number(values[metric]) : null;
  }
  function gainOf(row, system) {
    const before = valueOf(row, 0), after = valueOf(row, system);
    if (before === null || after === null) return null;
    return before === after ? 0 : after - before;
  }
  function text(value, signed) {
    if (value === null || value === undefined) return "–";
    if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
    const shown = Math.abs(value).toFixed(data.metrics[state.metric].digits);
    return (value < 0 ? "−" : signed ? "+" : "") + shown;
  }
  function make(tag, content, attributes = {}) {
    const element = document.createElement(tag);
    if (content !== undefined) element.textContent = content;
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    return element;
  }
  function options(select, entries) {
    select.replaceChildren(...entries.map(([value, label]) => make("option", label, { value })));
  }

  // --- table -----------------------------------------------------------------------------------
  function columns() {
    const found = [{ head: "image", of: (row) => row.n }];
    systems.forEach((name, k) => found.push({ head: name, of: (row) => valueOf(row, k) }));
    systems.slice(1).forEach((name, k) =>
      found.push({ head: `gain of ${name}`, of: (row) => gainOf(row, k + 1), gain: true }));
    if (data.confidence)
      systems.forEach((name, k) => {
        if (data.rows.some((row) => row.c[k] !== null))
          found.push({ head: `confidence of ${name}`, of: (row) => row.c[k] });
      });
    return found;
  }
  const natural = new Intl.Collator(undefined, { numeric: true });
  function compare(a, b) {
    if (a === null || b === null) return (a === null) - (b === null); // no value: last
    const order = typeof a === "string" ? natural.compare(a, b) : a === b ? 0 : a - b;
    return state.down ? -order : order;
  }
  function table() {
    const all = columns(), wanted = $("filter").value.toLowerCase();
    const head = make("tr");
    all.forEach((column, i) => {
      const cell = make("th", undefined, { scope: "col" });
      if (i === state.sort) cell.setAttribute("aria-sort", state.down ? "descending" : "ascending");
      const button = make("button", column.head, { type: "button" });
      button.addEventListener("click", () => {
        state.down = state.sort === i ? !state.down : i > 0;
        state.sort = i;
        table();
        $("images").querySelectorAll("thead button")[i].focus();
      });
      cell.append(button);
      head.append(cell);
    });
    $("images").tHead.replaceChildren(head);
    const key = all[Math.min(state.sort, all.length - 1)].of;
    state.order = data.rows.map((_, i) => i)
      .filter((i) => data.rows[i].n.toLowerCase().includes(wanted))
      .sort((i, j) => compare(key(data.rows[i]), key(data.rows[j])) || i - j);
    const body = document.createDocumentFragment();
    state.order.forEach((i, place) => {
      const row = make("tr", undefined, { "data-row": i, tabindex: place ? -1 : 0 });
      row.setAttribute("aria-selected", i === state.open);
      all.forEach((column, k) => {
        const value = column.of(data.rows[i]);
        const cell = make("td", k ? text(value, column.gain) : value);
        if (column.gain && value) cell.className = value > 0 ? "up" : "down";
        row.append(cell);
      });
      body.append(row);
    });
    $("images").tBodies[0].replaceChildren(body);
    $("shown").textContent = `${state.order.length} of ${data.rows.length}`;
  }
  function roving(container, selector, act) {
    container.addEventListener("click", (event) => {
      const target = event.target.closest(selector);
      if (target) act(target);
    });
    container.addEventListener("keydown", (event) => {
      const target = event.target.closest(selector);
      if (!target) return;
      if (event.key === "Enter" || event.key === " ") act(target);
      else {
        const all = [...container.querySelectorAll(selector)], at = all.indexOf(target);
        const to = { ArrowDown: at + 1, ArrowRight: at + 1, ArrowUp: at - 1, ArrowLeft: at - 1,
          Home: 0, End: all.length - 1 }[event.key];
        if (to === undefined) return;
        const next = all[Math.max(0, Math.min(all.length - 1, to))];
        target.setAttribute("tabindex", -1);
        next.setAttribute("tabindex", 0);
        next.focus();
      }
      event.preventDefault();
    });
  }

  // --- plot ------------------------------------------------------------------------------------
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
    data.rows.forEach((row, i) => systems.forEach((_, k) => {
      const x = against === "confidence" ? row.c[k] : valueOf(row, 0);
      const y = k ? gainOf(row, k) : null;
      if (k && x !== null && y !== null && Number.isFinite(x) && Number.isFinite(y))
        points.push({ i, k, x, y });
    }));
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

  // --- picture ---------------------------------------------------------------------------------
  const file = (row, kind) => `${data.folder}/${row.f}-${kind}.jpg`.split("/").map(encodeURIComponent).join("/");
  function kinds(row) {
    const found = [["blurred", systems[0]]];
    systems.slice(1).forEach((name, k) => {
      if (row.v[k + 1]) found.push([`s${k}`, name], [`e${k}`, `error of ${name}, 4 times`],
        [`h${k}`, `saliency of ${name}`]);
    });
    return [...found, ["sharp", "sharp"], ["hblurred", "saliency of the input"],
      ["hsharp", "saliency of the sharp image"]];
  }
  function keep(select, entries, fallback) {
    const before = select.value;
    options(select, entries);
    select.value = entries.some(([value]) => value === before) ? before : fallback;
  }
  function open(i, system) {
    const row = data.rows[i];
    state.open = i;
    const all = kinds(row), first = all.find(([kind]) => kind[0] === "s" && kind !== "sharp");
    keep($("left"), all, "blurred");
    keep($("right"), all, first ? first[0] : "sharp");
    if (system && row.v[system]) $("right").value = `s${system - 1}`;
    const own = all.filter(([kind]) => /^s\d/.test(kind));
    keep($("places-of"), own, own.length ? own[0][0] : "");
    if (system && row.v[system]) $("places-of").value = `s${system - 1}`;
    $("view-head").textContent = `Picture: ${row.n}`;
    $("stage").style.aspectRatio = `${row.w} / ${row.h}`;
    $("stage").style.maxWidth = `max(${row.w}px, min(100%, 480px))`;
    pictures();
    document.querySelectorAll("#images tbody tr").forEach((element) =>
      element.setAttribute("aria-selected", Number(element.dataset.row) === i));
    document.querySelectorAll("#plot .dot").forEach((dot) =>
      dot.classList.toggle("open", Number(dot.dataset.row) === i));
  }
  function pictures() {
    const row = data.rows[state.open];
    if (!row) return;
    const label = (select) => select.options[select.selectedIndex]?.textContent ?? "";
    $("under").src = file(row, $("left").value);
    $("over").src = file(row, $("right").value);
    $("under").alt = `${row.n}, ${label($("left"))}`;
    $("over").alt = `${row.n}, ${label($("right"))}`;
    const said = systems.map((name, k) => {
      const remark = row.r[name] ? ` (${row.r[name]})` : "";
      return row.v[k] ? `${name} ${text(valueOf(row, k))}${remark}` : `${name}: not scored`;
    });
    $("view-note").textContent = `${data.metrics[state.metric].name}: ${said.join(", ")}`;
    crops(row);
  }
  function crops(row) {
    const chosen = $("places-of").value, k = chosen ? Number(chosen.slice(1)) + 1 : 0;
    const side = row.side;
    const zoom = (Math.min(ZOOM_SIDE, innerWidth <= 600 ? innerWidth * 0.3 : ZOOM_SIDE)) / side;
    $("crops").replaceChildren(...(row.p[k] ?? []).map(([top, left], place) => {
      const line = make("div", undefined, { class: "place" });
      for (const [kind, label] of kinds(row)) {
        if (kind[0] === "e" || kind[0] === "h") continue; // maps
        const figure = make("figure");
        const crop = make("div", undefined, { class: "crop", role: "img",
          "aria-label": `${label}, place ${place + 1} of the largest errors, enlarged` });
        crop.style.backgroundImage = `url("${file(row, kind)}")`;
        crop.style.backgroundSize = `${row.w * zoom}px ${row.h * zoom}px`;
        crop.style.backgroundPosition = `${-left * zoom}px ${-top * zoom}px`;
        figure.append(crop, make("figcaption", label));
        line.append(figure);
      }
      return line;
    }));
  }
  function slide() {
    const part = Number($("slider").value);
    $("over").style.clipPath = `inset(0 0 0 ${part}%)`;
    $("bar").style.left = `calc(${part}% - 1px)`;
  }
  function step(by) {
    if (!state.order.length) return;
    const at = state.order.indexOf(state.open);
    const to = at < 0 ? 0 : (at + by + state.order.length) % state.order.length;
    open(state.order[to]);
  }
  function show(element) {
    open(Number(element.dataset.row), Number(element.dataset.system ?? 0));
    $("view").scrollIntoView({ block: "start" });
    $("view-head").focus({ preventScroll: true });
  }

  options($("metric"), data.metrics.map((metric, i) => [i, metric.name]));
  options($("against"), [["blur", "blur"], ...(data.confidence ? [["confidence", "confidence"]] : [])]);
  $("metric").addEventListener("change", () => {
    state.metric = Number($("metric").value);
    plot(); table(); pictures();
  });
  $("against").addEventListener("change", plot);
  $("filter").addEventListener("input", table);
  $("slider").addEventListener("input", slide);
  for (const id of ["left", "right", "places-of"]) $(id).addEventListener("change", pictures);
  $("previous").addEventListener("click", () => step(-1));
  $("next").addEventListener("click", () => step(1));
  const drag = (event) => {
    const box = $("stage").getBoundingClientRect();
    $("slider").value = ((event.clientX - box.left) / box.width) * 100;
    slide();
  };
  $("stage").addEventListener("pointerdown", (event) => {
    $("stage").setPointerCapture(event.pointerId);
    drag(event);
  });
  $("stage").addEventListener("pointermove", (event) => { if (event.buttons) drag(event); });
  roving($("images").tBodies[0], "tr", show);
  roving($("plot"), ".dot", show);
  table();
  plot();
  slide();
  if (data.rows.length) open(state.order[0]);
})();
