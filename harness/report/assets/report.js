"use strict";
/* Draws the plots from the JSON in the page: operations over time, latencies, rates; one time axis, one window.

   Ten thousand operations are drawn as one path per outcome, because ten thousand elements would be slow; what lies
   under the pointer is found by searching the data. All text comes from a history, which may be hostile: it reaches
   the page through textContent and setAttribute only. */
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const OUTCOMES = ["ok", "fail", "info"];
  const LEFT = 64, RIGHT = 10, AXIS = 22, FAULT_ROW = 17, PAPER_WIDTH = 1000;
  const operations = data.operations.map((row, number) => {
    const [lane, process, f, value, outcome, result, error, start, end, invoked, completed, named] = row;
    const text = (index) => data.strings[index];
    return {
      number, lane, process: text(process), f: text(f), value: text(value), outcome: OUTCOMES[outcome],
      result: text(result), error: text(error), start, end, invoked, completed, named: named > 0, central: named === 2,
    };
  });
  const lanes = data.lanes.map(() => []);
  for (const operation of operations) lanes[operation.lane].push(operation);
  const whole = [0, Math.max(data.span_ns, 1e6)];
  let view = whole.slice();
  let picked = null;
  let onPaper = false;
  const plots = [];

  /* --- small things ------------------------------------------------------------------------------------------- */

  function svg(tag, attributes = {}, text = null) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    if (text !== null) element.textContent = text;
    return element;
  }

  function html(tag, text = null, className = "") {
    const element = document.createElement(tag);
    if (text !== null) element.textContent = text;
    if (className) element.className = className;
    return element;
  }

  function duration(ns) {
    for (const [size, unit] of [[1e9, "s"], [1e6, "ms"], [1e3, "µs"]]) {
      if (ns >= size) return `${Number((ns / size).toPrecision(3))} ${unit}`;
    }
    return ns === 0 ? "0" : `${ns} ns`;
  }

  function moment(ns, digits = 3) { return `${(ns / 1e9).toFixed(digits)} s`; }

  function niceStep(span, count) {
    const power = 10 ** Math.floor(Math.log10(span / count));
    return [1, 2, 5, 10].map((factor) => factor * power).find((step) => span / step <= count);
  }

  function shorten(text, width) {
    const letters = Math.floor(width / 6.2);
    if (text.length <= letters) return text;
    return letters < 3 ? "" : text.slice(0, letters - 1) + "…";
  }

  /* --- what all plots share: the frame, the time axis, the faults behind ---------------------------------------- */

  function frame(plot, inner) {
    const width = onPaper ? PAPER_WIDTH : Math.max(300, Math.round(plot.figure.clientWidth));
    const root = plot.root;
    plot.width = width;
    plot.top = plot.head;
    plot.bottom = plot.head + inner;
    plot.height = plot.bottom + AXIS;
    root.replaceChildren();
    root.setAttribute("viewBox", `0 0 ${width} ${plot.height}`);
    const clip = svg("clipPath", { id: `clip-${plot.name}` });
    clip.append(svg("rect", { x: LEFT, y: 0, width: width - LEFT - RIGHT, height: plot.height }));
    root.append(clip);
    plot.body = svg("g", { "clip-path": `url(#clip-${plot.name})` });
    drawBands(plot);
    drawTimeAxis(plot);
    root.append(plot.body);
  }

  function across(plot, ns) {
    return LEFT + ((ns - view[0]) / (view[1] - view[0])) * (plot.width - LEFT - RIGHT);
  }

  function timeAt(plot, x) {
    return view[0] + ((x - LEFT) / (plot.width - LEFT - RIGHT)) * (view[1] - view[0]);
  }

  function visible(operation) {
    return operation.start <= view[1] && (operation.end < 0 ? data.span_ns : operation.end) >= view[0];
  }

  function drawTimeAxis(plot) {
    const step = niceStep(view[1] - view[0], Math.max(2, Math.floor(plot.width / 110)));
    const digits = Math.max(0, Math.min(9, 9 - Math.floor(Math.log10(step))));
    for (let tick = Math.ceil(view[0] / step) * step; tick <= view[1]; tick += step) {
      const x = across(plot, tick);
      plot.root.append(svg("path", { class: "grid", d: `M${x} ${plot.top}V${plot.bottom}` }));
      const anchor = x > plot.width - 40 ? "end" : x < LEFT + 20 ? "start" : "middle";
      plot.root.append(svg("text", { x, y: plot.bottom + 15, "text-anchor": anchor }, moment(tick, digits)));
    }
    plot.root.append(svg("path", { class: "grid", d: `M${LEFT} ${plot.bottom}H${plot.width - RIGHT}` }));
  }

  function drawBands(plot) {
    for (const band of data.bands) {
      const rect = bandRect(plot, band, plot.top, plot.bottom - plot.top, "band");
      rect.append(svg("title", {}, bandText(band)));
      plot.body.append(rect);
    }
  }

  function bandRect(plot, band, y, height, className) {
    const x = across(plot, band.start);
    const width = Math.max(1.5, across(plot, band.end) - x);
    return svg("rect", { class: `${className} band-${band.kind % 6}`, x, y, width, height });
  }

  function bandText(band) {
    return `${data.kinds[band.kind]}: ${band.what}, ${moment(band.start)} to ${moment(band.end)}, ${band.outcome}`;
  }

  /* --- operations over time --------------------------------------------------------------------------------------- */

  function drawTimeline(plot) {
    plot.head = data.kinds.length * FAULT_ROW + 14;
    plot.laneHeight = Math.max(2, Math.min(18, Math.floor(400 / Math.max(1, lanes.length))));
    frame(plot, Math.max(30, lanes.length * plot.laneHeight));
    drawFaultRows(plot);
    drawLaneNames(plot);
    const paths = { ok: "", fail: "", info: "" };
    let named = "", marks = "";
    for (const operation of operations) {
      if (!visible(operation)) continue;
      const box = bar(plot, operation);
      paths[operation.outcome] += boxPath(box);
      if (operation.named) {
        named += boxPath(box, 2);
        if (operation.central) marks += `M${box.x + box.width / 2} ${box.y - 2}l-5 -9h10z`;
      }
    }
    for (const outcome of OUTCOMES) plot.body.append(svg("path", { class: outcome, d: paths[outcome] }));
    plot.body.append(svg("path", { class: "named", d: named }), svg("path", { class: "named-mark", d: marks }));
    if (!operations.length) sayEmpty(plot);
    plot.mark = svg("path", { class: "picked" });
    plot.body.append(plot.mark);
  }

  function bar(plot, operation) {
    const x = across(plot, operation.start);
    const end = operation.end < 0 ? data.span_ns : operation.end;
    const gap = plot.laneHeight >= 6 ? 2 : 0;
    const height = plot.laneHeight - gap;
    const top = plot.top + operation.lane * plot.laneHeight + gap / 2;
    const half = operation.outcome === "fail" ? height / 2 : 0;
    return { x, y: top + half, width: Math.max(1.2, across(plot, end) - x), height: height - half };
  }

  function boxPath(box, margin = 0) {
    const width = (box.width + 2 * margin).toFixed(1);
    const x = (box.x - margin).toFixed(1), y = (box.y - margin).toFixed(1), height = (box.height + 2 * margin).toFixed(1);
    return `M${x} ${y}h${width}v${height}h-${width}z`;
  }

  function drawFaultRows(plot) {
    data.kinds.forEach((kind, row) => {
      plot.root.append(svg("text", { x: LEFT - 6, y: row * FAULT_ROW + 13, "text-anchor": "end" }, shorten(kind, LEFT - 6)));
    });
    for (const band of data.bands) {
      const y = band.kind * FAULT_ROW + 1;
      const rect = bandRect(plot, band, y, FAULT_ROW - 3, "fault");
      if (band.outcome !== "in force") rect.classList.add("unsure");
      rect.append(svg("title", {}, bandText(band)));
      plot.body.append(rect);
      const from = Math.max(LEFT, across(plot, band.start));
      const room = Math.min(plot.width - RIGHT, across(plot, band.end)) - from - 6;
      const label = shorten(band.what, room);
      if (room > 0 && label) {
        plot.body.append(svg("text", { x: from + 3, y: y + 11, "pointer-events": "none" }, label));
      }
    }
  }

  function drawLaneNames(plot) {
    const every = Math.ceil(12 / plot.laneHeight);
    data.lanes.forEach((name, lane) => {
      if (lane % every) return;
      const y = plot.top + (lane + 0.5) * plot.laneHeight + 4;
      plot.root.append(svg("text", { class: "faint", x: LEFT - 6, y, "text-anchor": "end" }, shorten(name, LEFT - 6)));
    });
  }

  function findInTimeline(plot, x, y) {
    const lane = lanes[Math.floor((y - plot.top) / plot.laneHeight)] || [];
    let best = null, distance = 6;
    for (const operation of lane) {
      if (!visible(operation)) continue;
      const box = bar(plot, operation);
      const away = Math.max(0, box.x - x, x - box.x - box.width);
      if (away < distance) { best = operation; distance = away; }
    }
    return best;
  }

  function markInTimeline(plot) {
    plot.mark.setAttribute("d", picked && visible(picked) ? boxPath(bar(plot, picked), 1.5) : "");
  }

  /* --- latencies -------------------------------------------------------------------------------------------------- */

  function drawLatency(plot) {
    const known = operations.filter((operation) => operation.end >= 0);
    const positive = known.map((operation) => operation.end - operation.start).filter((ns) => ns > 0);
    const least = positive.reduce((a, b) => Math.min(a, b), Infinity);
    const most = positive.reduce((a, b) => Math.max(a, b), 0);
    plot.low = positive.length ? Math.floor(Math.log10(least)) : 6;
    plot.high = positive.length ? Math.max(plot.low + 1, Math.ceil(Math.log10(most))) : 7;
    plot.zeros = known.length > positive.length;
    plot.head = 8;
    frame(plot, 200);
    for (let power = plot.low; power <= plot.high; power += 1) latencyLine(plot, 10 ** power, duration(10 ** power));
    if (plot.zeros) latencyLine(plot, 0, "0");
    const paths = { ok: "", fail: "", info: "" };
    let named = "";
    for (const operation of known) {
      if (!visible(operation)) continue;
      const [x, y] = dot(plot, operation);
      paths[operation.outcome] += { ok: "h0", fail: "m-3 -3l6 6m0 -6l-6 6", info: "m0 -4l4 4l-4 4l-4 -4z" }[operation.outcome]
        .replace(/^/, `M${x.toFixed(1)} ${y.toFixed(1)}`);
      if (operation.central) named += ring(x, y);
    }
    for (const outcome of OUTCOMES) plot.body.append(svg("path", { class: `dots ${outcome}`, d: paths[outcome] }));
    plot.body.append(svg("path", { class: "named", d: named }));
    if (!known.length) sayEmpty(plot);
    plot.mark = svg("path", { class: "picked" });
    plot.body.append(plot.mark);
  }

  function latencyLine(plot, ns, label) {
    const y = latencyHeight(plot, ns);
    plot.root.append(svg("path", { class: "grid", d: `M${LEFT} ${y}H${plot.width - RIGHT}` }));
    plot.root.append(svg("text", { class: "faint", x: LEFT - 6, y: y + 4, "text-anchor": "end" }, label));
  }

  /* A latency of nothing has no logarithm: it gets a line of its own, one decade below the rest. */
  function latencyHeight(plot, ns) {
    const low = plot.zeros ? plot.low - 1 : plot.low;
    const power = ns > 0 ? Math.log10(ns) : low;
    return plot.bottom - 4 - ((power - low) / (plot.high - low)) * (plot.bottom - plot.top - 8);
  }

  function dot(plot, operation) {
    return [across(plot, operation.start), latencyHeight(plot, operation.end - operation.start)];
  }

  function ring(x, y) { return `M${x - 6} ${y}a6 6 0 1 0 12 0a6 6 0 1 0 -12 0`; }

  function findInLatency(plot, x, y) {
    let best = null, distance = 100;
    for (const operation of operations) {
      if (operation.end < 0) continue;
      const [dotX, dotY] = dot(plot, operation);
      const away = (dotX - x) ** 2 + (dotY - y) ** 2;
      if (away < distance) { best = operation; distance = away; }
    }
    return best;
  }

  function markInLatency(plot) {
    plot.mark.setAttribute("d", picked && picked.end >= 0 ? ring(...dot(plot, picked)) : "");
  }

  /* --- rates ------------------------------------------------------------------------------------------------------ */

  function drawRate(plot) {
    const { bucket_ns: bucket, series } = data.rates;
    const most = Math.max(1, ...OUTCOMES.map((outcome) => series[outcome].reduce((a, b) => Math.max(a, b), 0)));
    const step = niceStep(most, 4);
    const high = Math.ceil(most / step) * step;
    plot.head = 8;
    frame(plot, 140);
    const height = (rate) => plot.bottom - (rate / high) * (plot.bottom - plot.top);
    for (let tick = 0; tick <= high + step / 2; tick += step) {
      const y = height(tick);
      plot.root.append(svg("path", { class: "grid", d: `M${LEFT} ${y}H${plot.width - RIGHT}` }));
      plot.root.append(svg("text", { class: "faint", x: LEFT - 6, y: y + 4, "text-anchor": "end" }, `${Number(tick.toPrecision(3))}/s`));
    }
    for (const outcome of OUTCOMES) {
      let path = "";
      series[outcome].forEach((rate, index) => {
        const y = height(rate).toFixed(1);
        path += `${index ? "L" : "M"}${across(plot, index * bucket).toFixed(1)} ${y}`;
        path += `H${across(plot, Math.min((index + 1) * bucket, data.span_ns)).toFixed(1)}`;
      });
      plot.body.append(svg("path", { class: `rate ${outcome}`, d: path }));
    }
    if (!series.ok.length) sayEmpty(plot);
  }

  function sayEmpty(plot) {
    const middle = { x: plot.width / 2, y: (plot.top + plot.bottom) / 2 + 4, "text-anchor": "middle", class: "faint" };
    plot.root.append(svg("text", middle, "no operations"));
  }

  /* --- one operation, told in full -------------------------------------------------------------------------------- */

  const tip = html("div");
  tip.id = "tip";
  tip.hidden = true;
  tip.setAttribute("role", "status");
  document.body.append(tip);

  function pick(operation, x = null, y = null) {
    picked = operation;
    for (const plot of plots) if (plot.markPicked) plot.markPicked(plot);
    tip.hidden = operation === null;
    if (operation === null) return;
    const took = operation.end < 0 ? "never completed" : duration(operation.end - operation.start);
    const until = operation.end < 0 ? "" : ` to ${moment(operation.end, 6)}`;
    const rows = operation.completed < 0 ? `${operation.invoked}` : `${operation.invoked} and ${operation.completed}`;
    const parts = [
      ["value", operation.value], ["result", operation.result], ["error", operation.error], ["took", took],
      ["time", `${moment(operation.start, 6)}${until}`], [operation.completed < 0 ? "row" : "rows", rows],
    ];
    const list = html("dl");
    for (const [name, text] of parts) if (text) list.append(html("dt", name), html("dd", text, "value"));
    const title = `process ${operation.process}: ${operation.f}, ${operation.outcome}${operation.central ? " ▼" : ""}${operation.named ? " named by a checker" : ""}`;
    tip.replaceChildren(html("strong", title), list);
    if (x !== null) place(x, y);
  }

  function place(x, y) {
    const { width, height } = tip.getBoundingClientRect();
    const below = y + 16 + height < innerHeight;
    tip.style.left = `${Math.max(8, Math.min(x + 14, innerWidth - width - 8))}px`;
    tip.style.top = `${below ? y + 16 : Math.max(8, y - height - 12)}px`;
  }

  /* By keyboard: left and right go along a lane, up and down to the nearest operation of the next lane. */
  function walk(plot, key) {
    if (!picked) return pickBeside(plot, operations.find((operation) => visible(operation)));
    const lane = lanes[picked.lane];
    const sideways = { ArrowLeft: -1, ArrowRight: 1 }[key];
    if (sideways) return pickBeside(plot, lane[lane.indexOf(picked) + sideways]);
    const other = lanes[picked.lane + (key === "ArrowUp" ? -1 : 1)] || [];
    const nearness = (operation) => Math.abs(operation.start - picked.start);
    pickBeside(plot, other.reduce((a, b) => (a && nearness(a) <= nearness(b) ? a : b), null));
  }

  function pickBeside(plot, operation) {
    if (!operation) return;
    if (!visible(operation)) look(operation.start - (view[1] - view[0]) / 2, operation.start + (view[1] - view[0]) / 2);
    const corner = plot.root.getBoundingClientRect();
    const box = plot.find === findInTimeline ? bar(plot, operation) : null;
    const [x, y] = box ? [box.x, box.y + box.height] : operation.end >= 0 ? dot(plot, operation) : [LEFT, plot.top];
    pick(operation, corner.left + x, corner.top + y);
  }

  /* --- the window that all plots look through ------------------------------------------------------------------------ */

  const range = html("output");

  function look(from, to) {
    const span = Math.min(Math.max(to - from, 1000), whole[1]);
    const start = Math.min(Math.max(0, from), whole[1] - span);
    view = [start, start + span];
    drawAll();
  }

  function zoom(factor) {
    const middle = picked ? picked.start : (view[0] + view[1]) / 2;
    const half = ((view[1] - view[0]) * factor) / 2;
    look(middle - half, middle + half);
  }

  function shift(part) { const by = (view[1] - view[0]) * part; look(view[0] + by, view[1] + by); }

  /* Open operations may have begun long before: the window is that of the named ones whose outcome is known. */
  function lookAtNamed() {
    const all = operations.filter((operation) => operation.named);
    const known = all.filter((operation) => operation.outcome !== "info");
    const named = known.length ? known : all;
    const from = named.reduce((a, operation) => Math.min(a, operation.start), Infinity);
    const to = named.reduce((a, operation) => Math.max(a, operation.end < 0 ? operation.start : operation.end), 0);
    const margin = Math.max((to - from) * 0.1, 5e6);
    look(from - margin, to + margin);
  }

  function controls() {
    const bar = html("div", null, "controls");
    const button = (label, title, action) => {
      const element = html("button", label);
      element.type = "button";
      element.title = title;
      element.setAttribute("aria-label", title);
      element.addEventListener("click", action);
      bar.append(element);
    };
    button("+", "zoom in", () => zoom(0.5));
    button("−", "zoom out", () => zoom(2));
    button("←", "earlier", () => shift(-0.5));
    button("→", "later", () => shift(0.5));
    button("whole run", "show the whole run", () => look(...whole));
    if (operations.some((operation) => operation.named)) {
      button("▼ named operations", "show the operations that checkers named", lookAtNamed);
    }
    bar.append(range);
    return bar;
  }

  function drawAll() {
    for (const plot of plots) {
      plot.draw(plot);
      if (plot.markPicked) plot.markPicked(plot);
    }
    range.textContent = `${moment(view[0])} to ${moment(view[1])}`;
  }

  /* --- pointer, keyboard, size ----------------------------------------------------------------------------------- */

  function listen(plot) {
    const at = (event) => {
      const corner = plot.root.getBoundingClientRect();
      const scale = plot.width / corner.width;
      return [(event.clientX - corner.left) * scale, (event.clientY - corner.top) * scale];
    };
    let from = null, selection = null;
    const select = (x) => {
      selection = selection || plot.root.appendChild(svg("rect", { class: "selection", y: 0, height: plot.bottom }));
      selection.setAttribute("x", Math.min(from, x));
      selection.setAttribute("width", Math.abs(x - from));
    };
    plot.root.addEventListener("pointerdown", (event) => {
      if (event.pointerType === "mouse" && event.button === 0) { from = at(event)[0]; plot.root.setPointerCapture(event.pointerId); }
    });
    plot.root.addEventListener("pointermove", (event) => {
      const [x, y] = at(event);
      if (from !== null && Math.abs(x - from) > 5) return select(x);
      if (plot.find) pick(plot.find(plot, x, y), event.clientX, event.clientY);
    });
    const release = (event) => {
      if (selection && event.type === "pointerup") look(...[timeAt(plot, from), timeAt(plot, at(event)[0])].sort((a, b) => a - b));
      else if (selection) selection.remove();
      from = selection = null;
    };
    plot.root.addEventListener("pointerup", release);
    plot.root.addEventListener("pointercancel", release);
    plot.root.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse" && from === null) pick(null); });
    plot.root.addEventListener("dblclick", () => look(...whole));
    plot.root.addEventListener("click", (event) => { if (plot.find) pick(plot.find(plot, ...at(event)), event.clientX, event.clientY); });
    plot.root.addEventListener("blur", () => pick(null));
    plot.root.addEventListener("keydown", (event) => {
      const actions = { "+": () => zoom(0.5), "-": () => zoom(2), "0": () => look(...whole), Escape: () => pick(null) };
      const action = event.key.startsWith("Arrow") && plot.find ? () => walk(plot, event.key) : actions[event.key];
      if (action && !event.ctrlKey && !event.metaKey && !event.altKey) { event.preventDefault(); action(); }
    });
  }

  const kinds = {
    timeline: { draw: drawTimeline, find: findInTimeline, markPicked: markInTimeline },
    latency: { draw: drawLatency, find: findInLatency, markPicked: markInLatency },
    rate: { draw: drawRate },
  };
  for (const figure of document.querySelectorAll("figure[data-plot]")) {
    const name = figure.dataset.plot;
    const root = svg("svg", { role: "img", tabindex: "0", "aria-label": figure.dataset.label });
    figure.append(root);
    const plot = { name, figure, root, ...kinds[name] };
    plots.push(plot);
    listen(plot);
  }
  if (!plots.length) return;
  document.getElementById("controls").replaceWith(controls());
  drawAll();
  for (const [event, state] of [["beforeprint", true], ["afterprint", false]]) {
    addEventListener(event, () => { onPaper = state; drawAll(); });
  }
  let waiting = false;
  addEventListener("resize", () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; drawAll(); });
  });
})();
