"use strict";
(() => {
  const root = document.documentElement;
  const charts = JSON.parse(document.getElementById("charts").textContent);
  const drawn = [];
  const media = window.matchMedia("(prefers-color-scheme: dark)");
  let chosen = null;

  // Okabe and Ito's palette, which the colour-blind can tell apart; lighter on a dark page.
  const COLORS = {
    light: ["#0072b2", "#d55e00", "#00795a", "#a6438a", "#946200", "#3a8fc4", "#5b5b5b", "#7a3b00"],
    dark: ["#56b4e9", "#ff9d5c", "#2fd3a4", "#e79fca", "#e6c229", "#9ad0f5", "#c0c6cd", "#d9a679"],
  };
  const theme = () => chosen || (media.matches ? "dark" : "light");
  const css = (name) => getComputedStyle(root).getPropertyValue(name).trim();

  // Three digits, and thousands apart.
  const figure = (value) => {
    if (value === null || value === undefined || Number.isNaN(value)) return "n/a";
    const size = Math.abs(value);
    if (size >= 1000) return Math.round(value).toString().replace(/\B(?=(\d{3})+$)/g, "\u202f");
    if (size === 0) return "0";
    return String(Number(value.toPrecision(3)));
  };
  const percentile = (x) => {
    const share = 100 * (1 - 1 / x);
    const digits = Math.max(0, Math.round(Math.log10(x)) - 1);
    return share.toFixed(Math.min(digits, 6)).replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, "") + " %";
  };
  const xLabel = (chart, x) => {
    if (chart.x.form === "percentile") return percentile(Number(x));
    if (chart.x.type === "category") return String(x);
    return figure(Number(x)) + (chart.x.unit ? " " + chart.x.unit : "");
  };
  const yUnit = (chart, series) => (series.axis === 1 ? chart.y2 : chart.y).unit || "";
  const withUnit = (value, unit) => (unit === "$" && value !== null && value !== undefined
    ? "$" + figure(value) : (figure(value) + " " + unit).trim());
  // An interval is drawn in its middle, and named by its ends.
  const at = (chart, x) => {
    const span = (chart.x.spans || []).find((one) => one[1] <= x && x <= one[2]);
    return span ? figure(span[1]) + " to " + figure(span[2]) + " s" : xLabel(chart, x);
  };
  // How wide a text is on a chart, nearly enough to leave room for it.
  const pen = document.createElement("canvas").getContext("2d");
  const widest = (texts) => {
    pen.font = "12px system-ui, sans-serif";
    return Math.max(0, ...texts.map((text) => pen.measureText(String(text)).width));
  };

  // From edge to edge: the first and the last interval reach to their ends.
  const toEdges = (chart, points, symbols) => {
    const spans = chart.x.spans || [];
    const span = (point) => spans.find((one) => one[0] === point[0]);
    const [first, last] = [points[0], points[points.length - 1]];
    // With a mark at each point, one more would be a point that there is not.
    if (!first || !span(first) || !span(last) || symbols) return points;
    return [[span(first)[1], first[1]], ...points, [span(last)[2], last[1]]];
  };

  const axis = (spec, extra) => ({
    type: spec.type || "value",
    minInterval: spec.whole ? 1 : undefined,
    name: spec.name,
    nameLocation: "middle",
    nameTextStyle: { color: css("--soft") },
    axisLabel: { color: css("--soft"), hideOverlap: true, formatter: (v) => figure(Number(v)) },
    axisLine: { lineStyle: { color: css("--line") } },
    splitLine: { lineStyle: { color: css("--line") } },
    logBase: 10,
    ...extra,
  });

  const options = (chart, shown, width) => {
    const colors = COLORS[theme()];
    const narrow = width < 500;
    const base = {
      animation: false,
      backgroundColor: "transparent",
      textStyle: { color: css("--ink"), fontFamily: "system-ui, sans-serif" },
      aria: { enabled: true, label: { description: chart.title + ". " + chart.note } },
      grid: { left: 64, right: chart.y2 ? 64 : 18, top: 16, bottom: 52, containLabel: false },
    };
    const tooltip = {
      confine: true,
      backgroundColor: css("--paper"),
      borderColor: css("--line"),
      textStyle: { color: css("--ink") },
    };
    if (chart.heat) {
      const values = chart.heat.cells.map((cell) => cell[2]).filter((v) => v !== null);
      const least = chart.heat.least ?? Math.min(...values);
      const most = chart.heat.most ?? Math.max(...values);
      const left = Math.min(widest(chart.heat.ys) + 44, width * 0.4);
      return {
        ...base,
        grid: { left, right: 18, top: 16, bottom: 100 },
        tooltip: { ...tooltip, formatter: (item) => escape(chart.heat.texts[item.dataIndex]) },
        xAxis: axis(chart.x, { type: "category", data: chart.heat.xs, nameGap: 28,
          axisLabel: { color: css("--soft"), interval: 0, fontSize: narrow ? 11 : 12 } }),
        yAxis: axis(chart.y, { type: "category", data: chart.heat.ys, nameGap: left - 20,
          inverse: chart.heat.downwards === true, axisLabel: { color: css("--soft") } }),
        // Where all cells are alike there is nothing to tell by colour.
        visualMap: { show: least < most, min: least, max: Math.max(most, least + 1e-9),
          orient: "horizontal", left: "center", bottom: 0, calculable: false,
          text: [withUnit(most, chart.heat.unit || ""), withUnit(least, chart.heat.unit || "")],
          textStyle: { color: css("--soft") }, inRange: { color: ["#d9eaf7", "#a5cbe7", "#6aa7d6"] } },
        series: [{ type: "heatmap", data: chart.heat.cells.map((c) => [c[0], c[1], c[2] ?? "-"]),
          label: { show: true, color: "#111", fontSize: narrow ? 12 : 14, lineHeight: 18, formatter: (item) =>
            (chart.heat.labels ? chart.heat.labels[item.dataIndex] : figure(item.value[2])) },
          itemStyle: { borderColor: css("--paper"), borderWidth: 2 } }],
      };
    }
    const category = chart.x.type === "category";
    const series = chart.series.map((one, place) => ({
      name: one.name,
      type: one.kind || "line",
      stack: one.stack,
      yAxisIndex: one.axis || 0,
      data: !shown[place] ? [] : one.kind === "bar" ? one.points : toEdges(chart, one.points, one.symbols),
      showSymbol: (one.points || []).length < 2 || one.symbols === true,
      symbolSize: 6,
      lineStyle: { width: 2, type: one.dash ? "dashed" : "solid" },
      areaStyle: one.area ? { opacity: 0.15 } : undefined,
      itemStyle: { color: colors[(one.color ?? place) % colors.length] },
      barMaxWidth: chart.flat ? 26 : 48,
      // How far a bar could reach, where that is known.
      showBackground: one.kind === "bar" && chart.y.max !== undefined,
      backgroundStyle: { color: css("--line"), opacity: 0.45 },
      label: one.labels ? { show: true, position: chart.flat ? "right" : "top",
        color: css("--ink"), formatter: (item) => one.labels[item.dataIndex] } : undefined,
    }));
    if (chart.areas) {
      series.push({ type: "line", data: [], silent: true, markArea: { silent: true,
        itemStyle: { color: css("--soft"), opacity: 0.12 },
        label: { color: css("--soft"), position: "insideTopLeft", fontSize: 11 },
        data: chart.areas.map((one) => [{ name: one.name, xAxis: one.from }, { xAxis: one.to }]),
      } });
    }
    const names = axis(chart.x, {
      nameGap: 30,
      data: category ? chart.x.values : undefined,
      min: chart.x.min,
      max: chart.x.max,
      splitNumber: narrow ? 3 : 6,
      axisLabel: { color: css("--soft"), hideOverlap: true,
        formatter: (v) => (category ? v : chart.x.form === "percentile"
          ? percentile(v) : figure(Number(v))) },
    });
    // Latencies are on a log axis where they lie far apart, else they all hug its top.
    const upwards = (spec, number) => {
      if (spec.type !== "near") return spec;
      const values = chart.series.filter((one, i) => shown[i] && (one.axis || 0) === number)
        .flatMap((one) => one.points.map((p) => p[1])).filter((v) => v > 0);
      const far = Math.max(...values) > 20 * Math.min(...values);
      return { ...spec, type: far ? "log" : "value", min: far ? undefined : 0 };
    };
    const sizes = [axis(upwards(chart.y, 0), { nameGap: chart.flat ? 30 : 48, min: upwards(chart.y, 0).min,
      max: chart.y.max })].concat(chart.y2
      ? [axis(chart.y2, { nameGap: 48, min: chart.y2.min, splitLine: { show: false } })] : []);
    let grid = base.grid;
    if (chart.flat) {
      // Names stand to the left of their bars, as long as they leave half of the room.
      const left = Math.min(widest(chart.x.values) + 18, width * 0.42);
      const room = widest(chart.series.flatMap((one) => one.labels || [])) + 14;
      grid = { left, right: Math.max(room, 18), top: 8, bottom: 52, containLabel: false };
      Object.assign(names, { inverse: true, name: "", axisTick: { show: false }, axisLabel: {
        color: css("--soft"), interval: 0, width: left - 12, overflow: "truncate" } });
      sizes[0].splitNumber = narrow ? 2 : 5;
    } else if (category) {
      // Names that don't fit beside each other lie on two lines, or lean.
      const room = (width - 82) / Math.max(chart.x.values.length, 1);
      if (widest(chart.x.values) > room - 6) {
        names.axisLabel = { color: css("--soft"), interval: 0, rotate: 35 };
        names.nameGap = Math.min(widest(chart.x.values), 110) * 0.6 + 26;
        grid = { ...grid, bottom: names.nameGap + 22 };
      } else {
        names.axisLabel.interval = 0;
      }
    }
    return {
      ...base,
      grid,
      color: colors,
      tooltip: {
        ...tooltip,
        trigger: "axis",
        axisPointer: { type: category ? "shadow" : "line", lineStyle: { color: css("--soft") } },
        formatter: (items) => {
          const list = Array.isArray(items) ? items : [items];
          if (!list.length) return "";
          const x = Array.isArray(list[0].value) ? list[0].value[0] : list[0].name;
          const rows = list.map((item) => {
            const value = Array.isArray(item.value) ? item.value[1] : item.value;
            const one = chart.series[item.seriesIndex];
            const text = (one.texts || [])[item.dataIndex];
            if (text) {
              return item.marker + (chart.series.length > 1 ? escape(one.name) + " " : "")
                + "<b>" + escape(text) + "</b>";
            }
            return item.marker + escape(one.name) + ": <b>"
              + escape(withUnit(value, yUnit(chart, one))) + "</b>";
          });
          return escape(at(chart, x)) + "<br>" + rows.join("<br>");
        },
      },
      xAxis: chart.flat ? sizes[0] : names,
      yAxis: chart.flat ? names : sizes,
      series,
    };
  };

  const escape = (text) => String(text).replace(/[&<>"]/g,
    (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" }[c]));

  // The figures of a chart as a table, for those who can't see it or want to copy.
  const table = (chart) => {
    const out = document.createElement("table");
    const row = (cells, tag) => {
      const tr = out.insertRow();
      for (const cell of cells) {
        const td = document.createElement(tag);
        td.textContent = cell;
        tr.append(td);
      }
    };
    if (chart.heat) {
      row(["", ...chart.heat.xs], "th");
      chart.heat.ys.forEach((y, yi) => row([y, ...chart.heat.xs.map((_, xi) => {
        const found = chart.heat.cells.findIndex((c) => c[0] === xi && c[1] === yi);
        return found < 0 ? "" : chart.heat.texts[found];
      })], "td"));
      return out;
    }
    row([chart.x.spans ? "from and to" : chart.x.name, ...chart.series.map((s) => {
      const unit = yUnit(chart, s);
      return s.name + (unit && unit !== s.name && !s.texts ? ", " + unit : "");
    })], "th");
    const xs = chart.x.type === "category" ? chart.x.values
      : [...new Set(chart.series.flatMap((s) => s.points.map((p) => p[0])))].sort((a, b) => a - b);
    const maps = chart.series.map((s) => chart.x.type === "category"
      ? new Map(chart.x.values.map((x, i) => [x, s.texts ? s.texts[i] : s.points[i]]))
      : new Map(s.points));
    const plain = (value) => (value && value.value !== undefined ? value.value : value);
    const cell = (value) => (typeof value === "string" ? value : figure(value));
    for (const x of xs) row([at(chart, x), ...maps.map((m) => cell(plain(m.get(x))))], "td");
    return out;
  };

  // Two charts stand side by side on paper, some 9 cm each, and a wide one alone.
  const paper = { narrow: 350, wide: 720, height: 260 };
  let printing = false;
  const draw = (one) => {
    const wide = one.box.closest("figure").classList.contains("wide");
    one.width = printing ? (wide ? paper.wide : paper.narrow) : one.box.clientWidth;
    if (printing) one.instance.resize({ width: one.width, height: paper.height });
    else one.instance.resize({ width: "auto", height: "auto" });
    one.instance.setOption(options(one.chart, one.shown, one.width), true);
    // So that it can be made larger or smaller as a whole.
    const size = "0 0 " + one.instance.getWidth() + " " + one.instance.getHeight();
    one.box.querySelector("svg").setAttribute("viewBox", size);
  };

  for (const chart of charts) {
    const holder = document.getElementById("chart-" + chart.id);
    const box = holder.querySelector(".chart");
    const instance = echarts.init(box, null, { renderer: "svg" });
    const shown = (chart.series || []).map((s) => s.shown !== false);
    const one = { chart, instance, shown, box };
    const all = holder.querySelector(".keys");
    let [keys, group] = [all, undefined];
    (chart.series || []).forEach((series, place) => {
      if (chart.series.length < 2 || series.of !== undefined) return;
      if (series.group !== group) {
        // Each group has a row of its own, with its name in front.
        group = series.group;
        keys = document.createElement("div");
        keys.className = "row";
        if (group) keys.append(Object.assign(document.createElement("b"), { textContent: group }));
        all.append(keys);
      }
      const key = document.createElement("button");
      key.type = "button";
      key.textContent = group && series.name.endsWith(" " + group)
        ? series.name.slice(0, -group.length - 1) : series.name;
      key.setAttribute("aria-label", series.name);
      key.setAttribute("aria-pressed", String(shown[place]));
      key.addEventListener("click", () => {
        shown[place] = !shown[place];
        chart.series.forEach((other, i) => { if (other.of === place) shown[i] = shown[place]; });
        key.setAttribute("aria-pressed", String(shown[place]));
        draw(one);
      });
      one.keys = (one.keys || []).concat([[key, series.color ?? place]]);
      keys.append(key);
    });
    holder.querySelector("details").addEventListener("toggle", (event) => {
      const place = holder.querySelector(".scroll");
      if (event.target.open && !place.firstChild) place.append(table(chart));
    });
    drawn.push(one);
  }

  const paint = () => {
    root.dataset.theme = theme();
    for (const one of drawn) {
      const colors = COLORS[theme()];
      for (const [key, color] of one.keys || []) {
        key.style.setProperty("--key", colors[color % colors.length]);
      }
      draw(one);
    }
    const button = document.getElementById("theme");
    button.textContent = theme() === "dark" ? "Light page" : "Dark page";
  };

  document.getElementById("theme").addEventListener("click", () => {
    chosen = theme() === "dark" ? "light" : "dark";
    paint();
  });
  media.addEventListener("change", paint);
  new ResizeObserver(() => drawn.forEach((one) => {
    // What is where depends on the width.
    if (!printing && one.box.clientWidth !== one.width) draw(one);
  })).observe(document.body);
  // On paper everything is light, and as wide as the paper is.
  let before = null;
  window.addEventListener("beforeprint", () => {
    [before, chosen, printing] = [chosen, "light", true];
    paint();
  });
  window.addEventListener("afterprint", () => {
    [chosen, printing] = [before, false];
    paint();
  });
  paint();
  root.dataset.ready = "true";
})();
