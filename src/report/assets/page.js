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

  const axis = (spec, extra) => ({
    type: spec.type || "value",
    name: spec.name,
    nameLocation: "middle",
    nameTextStyle: { color: css("--soft") },
    axisLabel: { color: css("--soft"), hideOverlap: true, formatter: (v) => figure(Number(v)) },
    axisLine: { lineStyle: { color: css("--line") } },
    splitLine: { lineStyle: { color: css("--line") } },
    logBase: 10,
    ...extra,
  });

  const options = (chart, shown) => {
    const colors = COLORS[theme()];
    const narrow = window.innerWidth < 600;
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
      return {
        ...base,
        grid: { left: 80, right: 18, top: 16, bottom: 100 },
        tooltip: { ...tooltip, formatter: (item) => escape(chart.heat.texts[item.dataIndex]) },
        xAxis: axis(chart.x, { type: "category", data: chart.heat.xs, nameGap: 28,
          axisLabel: { color: css("--soft") } }),
        yAxis: axis(chart.y, { type: "category", data: chart.heat.ys, nameGap: 50,
          axisLabel: { color: css("--soft") } }),
        // Where all cells are alike there is nothing to tell by colour.
        visualMap: { show: Math.min(...values) < Math.max(...values), min: Math.min(...values),
          max: Math.max(Math.max(...values), Math.min(...values) + 1e-9), orient: "horizontal",
          left: "center", bottom: 0, calculable: false, textStyle: { color: css("--soft") },
          formatter: (v) => figure(v) + " " + (chart.heat.unit || ""),
          inRange: { color: ["#eef6fc", "#b3d3ea", "#6aa7d6"] } },
        series: [{ type: "heatmap", data: chart.heat.cells.map((c) => [c[0], c[1], c[2] ?? "-"]),
          label: { show: true, formatter: (item) => figure(item.value[2]), color: "#111",
            fontSize: 14 },
          itemStyle: { borderColor: css("--paper"), borderWidth: 2 } }],
      };
    }
    const category = chart.x.type === "category";
    const series = chart.series.map((one, place) => ({
      name: one.name,
      type: one.kind || "line",
      stack: one.stack,
      yAxisIndex: one.axis || 0,
      data: shown[place] ? one.points : [],
      showSymbol: (one.points || []).length < 2 || one.symbols === true,
      symbolSize: 6,
      step: one.step ? "end" : false,
      lineStyle: { width: 2, type: one.dash ? "dashed" : "solid" },
      areaStyle: one.area ? { opacity: 0.15 } : undefined,
      itemStyle: { color: colors[(one.color ?? place) % colors.length] },
      barMaxWidth: 48,
    }));
    return {
      ...base,
      color: colors,
      tooltip: {
        ...tooltip,
        trigger: "axis",
        axisPointer: { type: category ? "shadow" : "line", lineStyle: { color: css("--soft") } },
        formatter: (items) => {
          const list = Array.isArray(items) ? items : [items];
          if (!list.length) return "";
          const at = Array.isArray(list[0].value) ? list[0].value[0] : list[0].name;
          const rows = list.map((item) => {
            const value = Array.isArray(item.value) ? item.value[1] : item.value;
            const unit = yUnit(chart, chart.series[item.seriesIndex]);
            return item.marker + escape(item.seriesName) + ": <b>" + figure(value) + "</b> " + unit;
          });
          return escape(xLabel(chart, at)) + "<br>" + rows.join("<br>");
        },
      },
      xAxis: axis(chart.x, {
        nameGap: 30,
        data: category ? chart.x.values : undefined,
        min: chart.x.min,
        max: chart.x.max,
        splitNumber: narrow ? 3 : 6,
        axisLabel: { color: css("--soft"), hideOverlap: true,
          formatter: (v) => (category ? v : chart.x.form === "percentile"
            ? percentile(v) : figure(Number(v))) },
      }),
      yAxis: [axis(chart.y, { nameGap: 48 })].concat(
        chart.y2 ? [axis(chart.y2, { nameGap: 48, splitLine: { show: false } })] : []),
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
    row([chart.x.name, ...chart.series.map((s) =>
      s.name + (yUnit(chart, s) ? ", " + yUnit(chart, s) : ""))], "th");
    const xs = chart.x.type === "category" ? chart.x.values
      : [...new Set(chart.series.flatMap((s) => s.points.map((p) => p[0])))].sort((a, b) => a - b);
    const maps = chart.series.map((s) => chart.x.type === "category"
      ? new Map(chart.x.values.map((x, i) => [x, s.points[i]])) : new Map(s.points));
    for (const x of xs) row([xLabel(chart, x), ...maps.map((m) => figure(m.get(x)))], "td");
    return out;
  };

  const draw = (one) => one.instance.setOption(options(one.chart, one.shown), true);

  for (const chart of charts) {
    const holder = document.getElementById("chart-" + chart.id);
    const box = holder.querySelector(".chart");
    const instance = echarts.init(box, null, { renderer: "svg" });
    const shown = (chart.series || []).map((s) => s.shown !== false);
    const one = { chart, instance, shown, box };
    const keys = holder.querySelector(".keys");
    (chart.series || []).forEach((series, place) => {
      if (chart.series.length < 2) return;
      const key = document.createElement("button");
      key.type = "button";
      key.textContent = series.name;
      key.setAttribute("aria-pressed", String(shown[place]));
      key.addEventListener("click", () => {
        shown[place] = !shown[place];
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
  new ResizeObserver(() => drawn.forEach((one) => one.instance.resize())).observe(document.body);
  // On paper everything is light, and as wide as the paper is.
  let before = null;
  window.addEventListener("beforeprint", () => { before = chosen; chosen = "light"; paint(); });
  window.addEventListener("afterprint", () => { chosen = before; paint(); });
  paint();
  root.dataset.ready = "true";
})();
