"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const $ = (id) => document.getElementById(id);
  const ZOOM_SIDE = 192; // CSS pixels of a crop
  const FIRST = 60, CHUNK = 200; // rows of the table
  const later = (act) =>
    window.requestIdleCallback ? requestIdleCallback(act, { timeout: 100 }) : setTimeout(act, 0);
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
  // Of a gallery, where nothing is known to measure against.
  const size = (row) => `${row.w} x ${row.h}`;
  const several = systems.length > 2; // results of one image
  const remark = (row) => row.r[systems[1]] ?? "";
  const plainColumns = () => [
    { head: "image", of: (row) => row.n },
    { head: "pixels", of: (row) => row.w * row.h, show: size },
    ...systems.slice(1).map((name, k) => ({
      head: several ? `mean change of ${name}, levels` : "mean change, levels",
      of: (row) => valueOf(row, k + 1),
    })),
    ...(data.confidence ? [{ head: "confidence", of: (row) => row.c[1] }] : []),
    { head: "remark", of: remark, show: remark },
  ];
  function columns() {
    if (!data.truth) return plainColumns();
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
  function line(all, i, first) {
    const row = make("tr", undefined, { "data-row": i, tabindex: first ? 0 : -1 });
    row.setAttribute("aria-selected", i === state.open);
    all.forEach((column, k) => {
      const value = column.of(data.rows[i]);
      const shown = column.show ? column.show(data.rows[i]) : k ? text(value, column.gain) : value;
      const cell = make("td", shown);
      if (column.gain && value) cell.className = value > 0 ? "up" : "down";
      row.append(cell);
    });
    return row;
  }
  // The rows of the first screen at once, the rest when nothing else is to be done.
  function fill(all) {
    const body = $("images").tBodies[0], order = state.order;
    const more = (count) => {
      const start = body.rows.length;
      body.append(...order.slice(start, start + count).map((i, k) => line(all, i, start + k === 0)));
    };
    const rest = () => {
      if (state.order !== order || body.rows.length >= order.length) return; // sorted anew, or done
      more(CHUNK);
      later(rest);
    };
    body.replaceChildren();
    more(FIRST);
    state.fillUp = () => more(order.length);
    later(rest);
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
    fill(all);
    $("shown").textContent = `${state.order.length} of ${data.rows.length}`;
  }
  function roving(container, selector, act, fillUp = () => {}) {
    container.addEventListener("click", (event) => {
      const target = event.target.closest(selector);
      if (target) act(target);
    });
    container.addEventListener("keydown", (event) => {
      const target = event.target.closest(selector);
      if (!target) return;
      if (event.key === "Enter" || event.key === " ") act(target);
      else {
        if (event.key === "End") fillUp();
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

  // --- picture ---------------------------------------------------------------------------------
  const file = (row, kind) => `${data.folder}/${row.f}-${kind}.jpg`.split("/").map(encodeURIComponent).join("/");
  function kinds(row) {
    const found = [["blurred", systems[0]]];
    if (!data.truth)
      return [...found, ...systems.slice(1).map((name, k) => [`s${k}`, name]).filter((_, k) => row.v[k + 1])];
    systems.slice(1).forEach((name, k) => {
      if (row.v[k + 1]) found.push([`s${k}`, name], [`e${k}`, `error of ${name}, 4 times`],
        [`h${k}`, `saliency of ${name}`]);
      if (row.m[k + 1] !== null)
        found.push([`f${k}`, `motion of ${name}, up to ${row.m[k + 1].toFixed(1)} pixels`]);
      if (row.k.includes(k + 1)) found.push([`c${k}`, `confidence of ${name}, dark 0, bright 1`]);
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
    if (data.truth) $("view-note").textContent = measured(row);
    else {
      const changes = systems.slice(1).map((name, k) => `${text(valueOf(row, k + 1))}${several ? ` (${name})` : ""}`);
      const change = `mean change ${changes.filter((_, k) => row.v[k + 1]).join(", ")} of 255 levels`;
      $("view-note").textContent = [`${size(row)} pixels`, change, remark(row)].filter(Boolean).join(", ");
    }
    crops(row);
  }
  function measured(row) {
    const said = systems.map((name, k) => {
      const remark = row.r[name] ? ` (${row.r[name]})` : "";
      return row.v[k] ? `${name} ${text(valueOf(row, k))}${remark}` : `${name}: not scored`;
    });
    return `${data.metrics[state.metric].name}: ${said.join(", ")}`;
  }
  function crops(row) {
    const chosen = $("places-of").value, k = chosen ? Number(chosen.slice(1)) + 1 : 0;
    const side = row.side;
    const zoom = (Math.min(ZOOM_SIDE, innerWidth <= 600 ? innerWidth * 0.3 : ZOOM_SIDE)) / side;
    $("crops").replaceChildren(...(row.p[k] ?? []).map(([top, left], place) => {
      const line = make("div", undefined, { class: "place" });
      for (const [kind, label] of kinds(row)) {
        if ("ehfc".includes(kind[0])) continue; // maps
        const figure = make("figure");
        const crop = make("div", undefined, { class: "crop", role: "img",
          "aria-label": `${label}, place ${place + 1} of the largest ${data.truth ? "errors" : "changes"}, enlarged` });
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

  const plot = data.truth ? plotOf({ $, data, systems, state, make, valueOf, gainOf, text }) : () => {};
  if (data.truth) {
    options($("metric"), data.metrics.map((metric, i) => [i, metric.name]));
    options($("against"), [["blur", "blur"], ...(data.confidence ? [["confidence", "confidence"]] : [])]);
    $("metric").addEventListener("change", () => {
      state.metric = Number($("metric").value);
      plot(); table(); pictures();
    });
    $("against").addEventListener("change", plot);
    roving($("plot"), ".dot", show);
  }
  $("places-choice").hidden = !data.truth && !several;
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
  roving($("images").tBodies[0], "tr", show, () => state.fillUp());
  addEventListener("beforeprint", () => state.fillUp());
  table();
  plot();
  slide();
  if (data.rows.length) open(state.order[0]);
})();
