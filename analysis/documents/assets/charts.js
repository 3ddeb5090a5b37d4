"use strict";
// Draws the figures that carry data with Observable Plot: values under the pointer, series to switch off, a range to zoom into.
// A figure whose data cannot be drawn keeps its picture.
(() => {
  const DASHES = [null, "7 3", "2 3", "9 3 2 3", "12 4", "1 4", "5 2 1 2"];
  const SYMBOLS = ["circle", "square", "triangle", "diamond", "star", "cross", "wye"];
  const colour = i => i < 0 ? "var(--quiet)" : `var(--c${i % 7})`;
  const dash = one => one.dashed ? "5 4" : one.colour < 0 ? null : DASHES[one.colour % 7];
  const symbol = one => one.colour < 0 ? "circle" : SYMBOLS[one.colour % 7];
  const number = value => Number(value.toPrecision(5)).toLocaleString("en-US", {maximumFractionDigits: 6});
  const known = value => value !== null && value !== undefined;
  const cut = (text, most) => text.length > most ? `${text.slice(0, most - 1)}…` : text;
  const made = (tag, properties, parent) => parent.appendChild(Object.assign(document.createElement(tag), properties));

  // One record a point, with the text that is shown under the pointer.
  const pointsOf = (panel, series, index) => series.y.map((y, i) => {
    const x = series.x[i], low = series.low?.[i], high = series.high?.[i], note = series.note?.[i];
    const at = panel.x.names.length ? panel.x.names[x] : number(x);
    const range = known(low) && known(high) ? ` [${number(low)}, ${number(high)}]` : "";
    const row = panel.style === "cells" ? panel.y.names[series.row[i]] : series.name;
    const value = known(y) ? number(y) + range : "not defined";
    const said = panel.style === "dots"
      ? [row, note, `${panel.x.label}: ${at}`, `${panel.y.label}: ${value}`]
      : panel.style === "bars" || panel.style === "intervals" ? [row, `${at}: ${value}`, note]
      : [row, `${panel.x.label}: ${at}`, `${panel.style === "cells" ? panel.unit : panel.y.label}: ${value}`, note];
    return {x, y, low, high, row: series.row?.[i] ?? index, text: said.filter(Boolean).join("\n"), series: index};
  });

  const extent = (values, zero) => {
    let [low, high] = d3.extent([...values.filter(known), ...(zero ? [0] : [])]);
    if (low === undefined) [low, high] = [0, 1];
    const room = (high - low || Math.abs(high) || 1) * 0.06;
    return [zero && low >= 0 ? 0 : low - room, high + room];
  };

  // Along lines the nearest x counts, among bars the nearest y, and elsewhere the nearest point.
  const pointer = (points, channels, near = Plot.pointer) =>
    Plot.tip(points, near({...channels, title: "text", fontSize: 12, maxRadius: near === Plot.pointer ? 60 : 300}));

  const lines = (panel, shown, state, width) => {
    const inside = p => known(p.y) && (!state.domain || (p.x >= state.domain[0] && p.x <= state.domain[1]));
    const points = shown.flatMap(s => s.points.filter(inside));
    const rules = axis => panel.rules.filter(rule => rule.axis === axis).map(rule => rule.at);
    const many = panel.style === "lines" ? shown.filter(s => s.points.length > 60).length : 0;
    const x = state.domain ?? (panel.style === "lines"
      ? d3.extent(shown.flatMap(s => s.points), p => p.x) : extent([...points.map(p => p.x), ...rules("x")], false));
    const y = extent([...points.flatMap(p => [p.y, p.low, p.high]), ...rules("y")], panel.y.zero);
    const each = (draw, wanted) => shown.filter(wanted ?? (() => true)).map(draw);
    return Plot.plot({
      width, height: Math.max(240, Math.min(340, width * 0.5)), marginTop: 28, marginLeft: 62, marginBottom: 40, marginRight: 16,
      style: {fontSize: "12px"},
      x: {label: panel.x.label, domain: x[0] === x[1] ? [x[0] - 1, x[1] + 1] : x, inset: 6, labelAnchor: "center", labelArrow: "none",
        ticks: width < 420 ? 5 : undefined},
      y: {label: panel.y.label, domain: y, grid: true, labelArrow: "none"},
      marks: [
        Plot.ruleY(rules("y"), {stroke: "var(--quiet)", strokeDasharray: "4 3"}),
        Plot.ruleX(rules("x"), {stroke: "var(--quiet)", strokeDasharray: "4 3", clip: true}),
        ...each(s => Plot.areaY(s.points.filter(p => known(p.low) && known(p.high)), {x: "x", y1: "low", y2: "high",
          fill: colour(s.colour), fillOpacity: 0.18, clip: true}), s => s.style === "line"),
        ...each(s => Plot.lineY(s.points, {x: "x", y: p => p.y ?? NaN, stroke: colour(s.colour), strokeDasharray: dash(s),
          clip: true}), s => s.style === "line"),
        ...each(s => Plot.dot(s.points.filter((p, i) => inside(p) && (s.style !== "line" || !many || i % 10 === 0)),
          {x: "x", y: "y", fill: colour(s.colour), symbol: symbol(s), r: s.style === "small" ? 2.5 : s.style === "dot" ? 6 : 3,
            fillOpacity: s.style === "small" ? 0.55 : 1, clip: true}), s => !s.dashed),
        pointer(points, {x: "x", y: "y"}, panel.style === "lines" ? Plot.pointerX : Plot.pointer),
      ],
    });
  };

  // Horizontal bars, in groups under the names of the x axis: names stay readable on a phone.
  const bars = (panel, shown, state, width) => {
    const own = shown.filter(s => s.style === "bar"), ticks = shown.filter(s => s.style === "tick");
    const step = own.length + 1.3, left = Math.min(Math.max(...own.map(s => s.name.length), 6) * 6.6 + 12, width * 0.36);
    const at = new Map(own.map((s, i) => [s.index, i]));
    const place = p => at.has(p.row) ? p.x * step + 1.1 + at.get(p.row) : null;
    const points = [...own, ...ticks].flatMap(s => s.points.filter(p => known(p.y) && place(p) !== null));
    const blank = own.flatMap(s => s.points.filter(p => !known(p.y)));
    const ofRuns = points.filter(p => own.some(s => s.index === p.series));
    return Plot.plot({
      width, height: panel.x.names.length * step * 24 + 64, marginLeft: left, marginBottom: 44, marginRight: 46, style: {fontSize: "12px"},
      x: {label: panel.y.label, grid: true, labelAnchor: "center", labelArrow: "none", ticks: width < 420 ? 4 : undefined,
        domain: extent([...points.flatMap(p => [p.y, p.low, p.high]), ...panel.rules.map(rule => rule.at)], true)},
      y: {axis: null, domain: [panel.x.names.length * step, 0]},
      marks: [
        ...own.map(s => Plot.rect(s.points.filter(p => known(p.y)), {x1: 0, x2: "y", y1: p => place(p) + 0.1,
          y2: p => place(p) + 0.9, fill: colour(s.colour)})),
        ...panel.rules.map(rule => Plot.ruleX([rule.at], {stroke: "var(--ink)", strokeDasharray: "4 3"})),
        Plot.ruleY(ofRuns.filter(p => known(p.low) && known(p.high)), {x1: "low", x2: "high", y: p => place(p) + 0.5,
          stroke: "var(--ink)", strokeWidth: 1.5}),
        ...ticks.map(s => Plot.ruleX(s.points.filter(p => place(p) !== null), {x: "y", y1: p => place(p), y2: p => place(p) + 1,
          stroke: "var(--ink)", strokeWidth: 2.5, strokeDasharray: "2 2"})),
        Plot.text(ofRuns, {x: p => Math.max(p.high ?? p.y, p.y, 0), y: p => place(p) + 0.5, text: p => p.y.toFixed(2), dx: 5,
          textAnchor: "start", fill: "var(--ink)"}),
        Plot.text(blank, {x: 0, y: p => place(p) + 0.5, text: () => "not defined", dx: 4, textAnchor: "start", fill: "var(--ink)"}),
        Plot.text(panel.x.names, {y: (_, i) => i * step + 0.6, text: name => name, frameAnchor: "left", dx: -left + 2,
          textAnchor: "start", fontWeight: 600, fill: "var(--ink)"}),
        Plot.text(own.flatMap(s => panel.x.names.map((_, k) => ({name: s.name, x: k, row: s.index}))), {text: "name",
          y: p => place(p) + 0.5, frameAnchor: "left", dx: -6, textAnchor: "end", fill: "var(--ink)", lineWidth: left / 12,
          textOverflow: "ellipsis"}),
        pointer(points, {x: "y", y: p => place(p) + 0.5}, Plot.pointerY),
      ],
    });
  };

  const cells = (panel, shown, state, width) => {
    const points = shown.flatMap(s => s.points.filter(p => known(p.y))), names = panel.y.names;
    const left = Math.min(Math.max(...names.map(name => name.length), 4) * 7.2 + 16, width * 0.36);
    const most = d3.max(points, p => Math.abs(p.y)) || 1, fits = Math.max(6, Math.floor((left - 14) / 7));
    return Plot.plot({
      width, height: names.length * 20 + 96, marginLeft: left, marginTop: 8, marginBottom: 40, style: {fontSize: "12px"},
      x: {label: panel.x.label, labelAnchor: "center", labelArrow: "none", ticks: d3.range(0, 24, width < 500 ? 6 : 3),
        domain: d3.range(0, 24)},
      y: {label: null, domain: d3.range(names.length),
        tickFormat: i => cut(names[i], fits)},
      color: {type: "diverging", scheme: "PuOr", reverse: true, domain: [-most, most], label: panel.unit, legend: true, width: Math.min(300, width)},
      marks: [
        Plot.cell(points, {x: "x", y: "row", fill: "y", inset: 0.5}),
        // A sign, so that losses do not rest on colour alone.
        Plot.text(points.filter(p => Math.abs(p.y) > most * 0.1), {x: "x", y: "row", text: p => p.y < 0 ? "−" : "+",
          fill: p => Math.abs(p.y) > most * 0.6 ? "#fff" : "#000"}),
        pointer(points, {x: "x", y: "row"}),
      ],
    });
  };

  // A row for each name: its value as a point, its interval as a line.
  const intervals = (panel, shown, state, width) => {
    const points = shown.flatMap(s => s.points.filter(p => known(p.y))), names = panel.x.names;
    const left = Math.min(Math.max(...names.map(name => name.length), 4) * 7.2 + 16, width * 0.4);
    const fits = Math.max(6, Math.floor((left - 14) / 7)), at = panel.rules.map(rule => rule.at);
    return Plot.plot({
      width, height: names.length * 22 + 70, marginLeft: left, marginBottom: 44, marginRight: 24, style: {fontSize: "12px"},
      x: {label: panel.y.label, grid: true, labelAnchor: "center", labelArrow: "none", ticks: width < 420 ? 4 : undefined,
        domain: extent([...points.flatMap(p => [p.y, p.low, p.high]), ...at], false)},
      y: {label: null, type: "band", domain: d3.range(names.length), tickFormat: i => cut(names[i], fits)},
      marks: [
        Plot.ruleX(at, {stroke: "var(--quiet)", strokeDasharray: "4 3"}),
        Plot.ruleY(points.filter(p => known(p.low) && known(p.high)), {x1: "low", x2: "high", y: "x", stroke: "var(--ink)",
          strokeWidth: 1.5}),
        // Below the line a triangle, so that losses do not rest on colour alone.
        ...[["triangle", p => p.y < at[0], 1], ["circle", p => p.y >= at[0], 0]].map(([shape, wanted, i]) =>
          Plot.dot(points.filter(wanted), {x: "y", y: "x", r: 4.5, symbol: shape, fill: colour(i)})),
        pointer(points, {x: "y", y: "x"}, Plot.pointerY),
      ],
    });
  };

  const DRAW = {lines, dots: lines, bars, cells, intervals};

  const swatch = one => `<svg width="26" height="12" aria-hidden="true">${one.style === "bar"
    ? `<rect width="26" height="12" fill="${colour(one.colour)}"/>` : one.style === "tick"
    ? '<line x1="13" x2="13" y1="0" y2="12" stroke="var(--ink)" stroke-width="2.5" stroke-dasharray="2 2"/>' : `<line x1="0" x2="26" y1="6" y2="6" stroke-width="2" stroke="${
      colour(one.colour)}" stroke-dasharray="${dash(one) ?? ""}"/>${one.dashed ? "" : `<path transform="translate(13,6)" fill="${
      colour(one.colour)}" d="${d3.symbol(d3[`symbol${symbol(one)[0].toUpperCase()}${symbol(one).slice(1)}`], 45)()}"/>`}`}</svg>`;

  const draw = figure => {
    const chart = JSON.parse(figure.querySelector("script").textContent), image = figure.querySelector("img");
    const hidden = new Set(), tools = document.createElement("div"), holder = document.createElement("div");
    Object.assign(tools, {className: "tools"});
    Object.assign(holder, {className: "panels"});
    const output = Object.assign(document.createElement("output"), {textContent: ""});
    const states = chart.panels.map(panel => ({
      panel, domain: null, series: panel.series.map((one, index) => ({...one, index, points: pointsOf(panel, one, index)}))}));
    const redraw = () => states.forEach(render);

    const render = state => {
      const {panel, box} = state, shown = state.series.filter(one => !hidden.has(one.name));
      const width = Math.max(260, Math.floor(box.clientWidth));
      const plot = DRAW[panel.style](panel, shown, state, width);
      plot.setAttribute("aria-hidden", "true");
      plot.addEventListener("input", () => { if (plot.value) output.textContent = plot.value.text.replaceAll("\n", " · "); });
      state.plot?.remove();
      state.plot = box.appendChild(plot);
      state.shown = shown.flatMap(one => one.points.filter(p => known(p.y)));
      const svg = plot.tagName.toLowerCase() === "svg" ? plot : plot.querySelector(":scope > svg:last-of-type");
      if (panel.style === "lines" || panel.style === "dots") brush(state, svg, plot.scale("x"));
    };

    const zoom = (state, factor) => {
      const all = d3.extent(state.series.flatMap(one => one.points), p => p.x), [a, b] = state.domain ?? all;
      const middle = (a + b) / 2, half = (b - a) / 2 * factor;
      state.domain = half * 2 >= all[1] - all[0] ? null : [Math.max(all[0], middle - half), Math.min(all[1], middle + half)];
      render(state);
    };

    // Dragging over a range of the x axis zooms into it, a double click shows the whole again. Touch is left to scrolling.
    const brush = (state, svg, scale) => {
      const [left, right] = scale.range;
      svg.addEventListener("dblclick", () => { state.domain = null; render(state); });
      svg.addEventListener("pointerdown", down => {
        if (down.pointerType === "touch" || down.button !== 0) return;
        const ratio = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width, start = svg.getBoundingClientRect().left;
        const at = event => Math.min(right, Math.max(left, (event.clientX - start) / ratio));
        const from = at(down), area = made("div", {className: "box"}, state.box);
        const move = event => {
          const [a, b] = d3.extent([from, at(event)]), top = svg.getBoundingClientRect().top - state.box.getBoundingClientRect().top;
          area.setAttribute("style", `left:${a * ratio}px;width:${(b - a) * ratio}px;top:${top}px;height:${svg.clientHeight}px`);
        };
        const up = event => {
          removeEventListener("pointermove", move);
          area.remove();
          const [a, b] = d3.extent([from, at(event)]);
          if (b - a < 8) return;
          state.domain = [scale.invert(a), scale.invert(b)];
          render(state);
        };
        addEventListener("pointermove", move);
        addEventListener("pointerup", up, {once: true});
        down.preventDefault();
        // Before Plot's own listener, which keeps a click to itself.
      }, {capture: true});
    };

    // Arrow keys go from point to point, and their values are read out.
    const keys = state => {
      let at = -1;
      state.box.addEventListener("keydown", event => {
        const step = {ArrowRight: 1, ArrowLeft: -1}[event.key];
        if (!step || !state.shown.length) return;
        at = (at + step + state.shown.length) % state.shown.length;
        output.textContent = state.shown[at].text.replaceAll("\n", " · ");
        event.preventDefault();
      });
    };

    image.after(tools, holder, output);
    const names = new Map();
    chart.panels.forEach(panel => panel.series.forEach(one => { if (one.name && !names.has(one.name)) names.set(one.name, one); }));
    if (names.size > 1) names.forEach((one, name) => {
      const button = made("button", {type: "button"}, tools);
      button.innerHTML = swatch(one);
      button.append(name);
      button.setAttribute("aria-pressed", "true");
      button.addEventListener("click", () => {
        hidden.has(name) ? hidden.delete(name) : hidden.add(name);
        button.setAttribute("aria-pressed", String(!hidden.has(name)));
        redraw();
      });
    });
    if (chart.panels.some(panel => panel.style === "lines" || panel.style === "dots")) {
      [["Zoom in", 0.5], ["Zoom out", 2], ["Show all", Infinity]].forEach(([text, factor]) =>
        made("button", {type: "button", className: "zoom", textContent: text}, tools).addEventListener("click", () =>
          states.forEach(state => zoom(state, factor))));
    }
    states.forEach(state => {
      state.box = made("div", {className: "panel", tabIndex: 0}, holder);
      state.box.setAttribute("role", "group");
      state.box.setAttribute("aria-label", `${state.panel.title || image.alt} Left and right arrow keys read out its values.`);
      if (state.panel.title) made("h3", {textContent: state.panel.title}, state.box);
      keys(state);
    });
    figure.classList.add("live");
    try {
      redraw();
    } catch (error) {
      figure.classList.remove("live");
      [tools, holder, output].forEach(part => part.remove());
      // It is reported as any error is, and the other figures are drawn.
      reportError(error);
      return;
    }
    let width = holder.clientWidth;
    new ResizeObserver(() => { if (holder.clientWidth !== width) { width = holder.clientWidth; redraw(); } }).observe(holder);
  };

  document.querySelectorAll("figure > script").forEach(data => draw(data.parentElement));
})();
