// Draws every <figure data-chart> from its JSON block. A click on a mark goes where its cell in the
// table beneath goes; what the tooltip says is the table's text.
(() => {
  const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const drawn = new Map();
  const NAMES = 38; // pixels above a chart for two lines of markers' names

  function tick(unit) {
    const plain = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 2 });
    return (value) => {
      if (unit === "%") return `${plain.format(value)}%`;
      if (unit === "$") return value !== 0 && Math.abs(value) < 0.01 ? `$${value.toPrecision(1)}` : `$${plain.format(value)}`;
      if (unit === "ms") return value < 1000 ? `${value} ms` : `${plain.format(value / 1000)} s`;
      return plain.format(value);
    };
  }

  function axis(more) {
    return {
      axisLine: { lineStyle: { color: token("line-strong") } }, axisTick: { show: false },
      splitLine: { lineStyle: { color: token("chart-grid") } }, ...more,
      axisLabel: { color: token("ink-3"), fontSize: 11, hideOverlap: true, ...more.axisLabel },
    };
  }

  // Two lines of names above the chart, on the side of their line that has room for them, else shortened on the wider:
  // a name that has room in neither line is left to the table.
  function settle(markers, labels, width) {
    const taken = [[], []];
    return markers.map((one) => {
      const at = ((one.at + 0.5) / labels) * width, wanted = Math.min(180, 7 * one.text.length) + 8;
      const right = at + wanted > width && at > width - at;
      const long = Math.min(wanted, right ? at : width - at);
      const [from, to] = right ? [at - long, at] : [at, at + long];
      const row = taken.findIndex((held) => held.every(([a, b]) => to <= a || from >= b));
      if (row >= 0) taken[row].push([from, to]);
      return { ...one, right, row, long: long - 8 };
    });
  }

  function markLine(markers) {
    return {
      symbol: "none", silent: true, animation: false,
      data: markers.map((one) => ({
        xAxis: one.at, lineStyle: { color: token(one.color), type: one.dashed ? "dashed" : "solid", width: 1 },
        label: {
          show: one.row >= 0, formatter: () => one.text, position: "end", distance: 3 + 13 * Math.max(one.row, 0),
          align: one.right ? "right" : "left", color: token(one.color), fontSize: 11, fontWeight: 550,
          overflow: "truncate", width: one.long, backgroundColor: token("surface"), padding: [0, 4],
        },
      })),
    };
  }

  // The link of the marker whose name is at a place above the chart. Lines are silent: bars stand under them.
  function linkOf(figure, { offsetX, offsetY }) {
    if (offsetY > NAMES) return null;
    const chart = drawn.get(figure), { labels, markers = [] } = read(figure);
    const found = settle(markers, labels.length, chart.getWidth() - 60).findIndex((one) => {
      const from = chart.convertToPixel({ xAxisIndex: 0 }, one.at), { long } = one;
      const above = NAMES - 3 - 13 * one.row;
      return one.row >= 0 && offsetY <= above && offsetY > above - 13 && offsetX >= (one.right ? from - long : from) && offsetX <= (one.right ? from : from + long);
    });
    return figure.querySelectorAll(".cht-m li")[found]?.querySelector("a");
  }

  // Low bars are hard to hit: all above and below one is it, where the row of the table leads to one place.
  function linkUnder(figure, { target, offsetX, offsetY }) {
    const chart = drawn.get(figure);
    if (target || !chart.containPixel({ gridIndex: 0 }, [offsetX, offsetY])) return null;
    const row = figure.querySelector("tbody").rows[chart.convertFromPixel({ xAxisIndex: 0 }, offsetX)];
    const links = row?.querySelectorAll("td a") ?? [];
    return links.length === 1 ? links[0] : null;
  }

  const hatch = () => ({ symbol: "rect", dashArrayX: [1, 0], dashArrayY: [2, 2], rotation: -0.785, color: "rgba(255,255,255,.35)" });

  function marks(one, index) {
    const color = token(one.color);
    const base = { name: one.name, data: one.values ?? [], itemStyle: { color }, animation: false, cursor: "pointer", index };
    if (one.form === "bar") {
      if (one.hatched) base.itemStyle.decal = hatch();
      if (one.stack) return [{ ...base, type: "bar", stack: one.stack, barCategoryGap: "18%", barMaxWidth: 48 }];
      return [{ ...base, data: base.data.map((value) => value || null), type: "bar", barMinHeight: 2, barCategoryGap: "18%", barMaxWidth: 48 }];
    }
    if (one.form === "band") {
      const line = { type: "line", symbol: "none", stack: `band ${one.name}`, lineStyle: { opacity: 0 }, silent: true, animation: false };
      const tops = one.tops.map((top, at) => (top == null || one.values[at] == null ? null : top - one.values[at]));
      return [{ ...line, data: one.values }, { ...line, name: one.name, data: tops, itemStyle: { color }, areaStyle: { color, opacity: 0.16 } }];
    }
    return [{
      ...base, type: "line", stack: one.stack, symbol: "circle", symbolSize: 5,
      showSymbol: base.data.filter((value) => value != null).length < 2, connectNulls: false, triggerLineEvent: false,
      lineStyle: { color, width: 1.6, type: one.dashed ? "dashed" : "solid" },
      areaStyle: one.form === "area" ? { color, opacity: 0.12 } : undefined,
    }];
  }

  function tell(figure) {
    return (found) => {
      const row = figure.querySelector("tbody").rows[found[0].dataIndex];
      const names = [...figure.querySelectorAll("thead th")].slice(1);
      const lines = names.map((name, at) => [name.textContent, row.cells[at + 1].textContent.trim()]);
      const shown = lines.filter(([, text]) => text !== "0" && text !== "–" && !/^0(\.0+)?%$/.test(text));
      return [row.cells[0].textContent, ...(shown.length ? shown : lines.slice(0, 1)).map(([name, text]) => `${name}  ${text}`)].join("\n");
    };
  }

  // The highest point: bars and lines of one stack stand on each other.
  function peak(data) {
    const sums = new Map();
    data.series.forEach((one, index) => one.values?.forEach((value, at) => {
      const key = `${one.stack ?? index} ${at}`;
      sums.set(key, (sums.get(key) ?? 0) + (value ?? 0));
    }));
    return Math.max(0, ...sums.values());
  }

  function options(figure, data, width) {
    const markers = settle(data.markers ?? [], data.labels.length, width - 60);
    const series = data.series.flatMap(marks);
    if (markers.length && series.length) series[0].markLine = markLine(markers);
    const lines = data.series.every((one) => one.form !== "bar");
    const most = data.most ?? (data.unit === "%" && peak(data) > 90 && peak(data) <= 100 ? 100 : undefined);
    return {
      animation: false, textStyle: { fontFamily: token("sans"), fontSize: 11, color: token("ink-3") },
      grid: { left: 4, right: 16, top: markers.length ? NAMES : 12, bottom: 2, containLabel: true },
      tooltip: {
        trigger: "axis", renderMode: "richText", confine: true, formatter: tell(figure), backgroundColor: token("raised"),
        borderColor: token("line"), textStyle: { color: token("ink"), fontSize: 12, fontFamily: token("sans"), lineHeight: 18 },
        axisPointer: { type: lines ? "line" : "shadow", lineStyle: { color: token("line-strong") }, shadowStyle: { color: token("ink"), opacity: 0.05 } },
      },
      xAxis: axis({ type: "category", data: data.labels, boundaryGap: !lines, axisLabel: { interval: data.labels.length <= 12 ? 0 : "auto" } }),
      yAxis: axis({ type: "value", max: most, interval: most && most / 4, min: 0, splitNumber: 4, axisLine: { show: false }, axisLabel: { formatter: tick(data.unit) } }),
      series,
    };
  }

  function read(figure) {
    return JSON.parse(figure.querySelector("[data-numbers]").textContent);
  }

  function draw(figure) {
    const place = figure.querySelector("[data-drawing]");
    if (!place || !window.echarts) return;
    let chart = drawn.get(figure);
    if (!chart || chart.getDom() !== place) {
      chart?.dispose();
      chart = window.echarts.init(place, null, { renderer: "canvas" });
      drawn.set(figure, chart);
      chart.on("click", (event) => follow(figure, event.dataIndex, event.seriesName));
      const link = (event) => linkOf(figure, event) ?? linkUnder(figure, event);
      chart.getZr().on("click", (event) => link(event)?.click());
      chart.getZr().on("mousemove", (event) => { if (link(event)) drawn.get(figure).getZr().setCursorStyle("pointer"); });
      sizes.observe(place);
    }
    chart.setOption(options(figure, read(figure), place.clientWidth), true);
  }

  function follow(figure, row, name) {
    const at = [...figure.querySelectorAll("thead th")].findIndex((cell) => cell.textContent === name);
    figure.querySelector("tbody").rows[row]?.cells[at]?.querySelector("a")?.click();
  }

  const short = (name) => (name.length > 32 ? `${name.slice(0, 31)}…` : name);

  // A picture leaves the page, so what the page says around the drawing goes with it: its title and its legend.
  function head(title, data, width) {
    let rows = 1, used = 0;
    for (const { name } of data.series) {
      const wide = 8 * short(name).length + 34;
      if (used && used + wide > width - 16) { rows += 1; used = 0; }
      used += wide;
    }
    return {
      height: 28 + 20 * rows,
      title: { text: title, left: 8, top: 8, padding: 0, textStyle: { color: token("ink"), fontSize: 13, fontWeight: 600, width: width - 16, overflow: "truncate" } },
      legend: {
        data: data.series.map(({ name, form, dashed }) => ({
          name, icon: form === "line" && dashed ? undefined : "roundRect", itemStyle: form === "band" ? { opacity: 0.3 } : undefined,
        })),
        left: 8, right: 8, top: 28, padding: 0, itemGap: 12, itemWidth: 14, itemHeight: 9, formatter: short,
        textStyle: { color: token("ink-2"), fontSize: 12 },
      },
    };
  }

  function save(figure) {
    const place = figure.querySelector("[data-drawing]");
    if (!place) return;
    const data = read(figure), width = place.clientWidth;
    const { height, ...above } = head(figure.getAttribute("aria-label"), data, width);
    const drawing = options(figure, data, width);
    drawing.grid.top += height;
    const copy = window.echarts.init(document.createElement("div"), null, { renderer: "canvas", width, height: place.clientHeight + height });
    copy.setOption({ ...drawing, ...above });
    const link = document.createElement("a");
    link.href = copy.getDataURL({ type: "png", pixelRatio: 2, backgroundColor: token("surface") });
    link.download = `${figure.id}.png`;
    link.click();
    copy.dispose();
  }

  const sizes = new ResizeObserver((entries) => entries.forEach(({ target }) => {
    drawn.get(target.closest("[data-chart]"))?.resize();
  }));
  const drawAll = (root) => root.querySelectorAll("[data-chart]").forEach(draw);
  new MutationObserver(() => drawAll(document)).observe(document.documentElement, { attributeFilter: ["data-bs-theme"] });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-save-chart]");
    if (button) save(document.getElementById(button.dataset.saveChart));
  });
  document.addEventListener("chart:changed", (event) => draw(event.target));
  document.addEventListener("htmx:afterSettle", (event) => drawAll(event.target));
  drawAll(document);
})();
