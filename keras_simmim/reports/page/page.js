"use strict";
const figures = JSON.parse(document.getElementById("figures").textContent);
const sprites = JSON.parse(document.getElementById("sprites").textContent);
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const narrow = window.matchMedia("(max-width: 720px)");

function color(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

// What a figure says of itself, over what the page wants of every figure.
function merged(base, own) {
  const result = { ...base };
  for (const [key, value] of Object.entries(own)) {
    const both = value && typeof value === "object" && !Array.isArray(value) && result[key];
    result[key] = both ? merged(result[key], value) : value;
  }
  return result;
}

function axis() {
  return {
    gridcolor: color("--line"), zerolinecolor: color("--line"), linecolor: color("--line"),
    automargin: true, fixedrange: true, nticks: 6, exponentformat: "none", title: { standoff: 6, font: { size: 12 } },
  };
}

function layout(figure, element) {
  const isMap = element.classList.contains("map");
  const base = {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { color: color("--soft"), size: 12, family: getComputedStyle(document.body).fontFamily },
    margin: { l: 8, r: 8, t: 8, b: 8 },
    xaxis: axis(), yaxis: axis(), hovermode: isMap ? "closest" : "x", dragmode: false, showlegend: isMap,
    legend: narrow.matches
      ? { orientation: "h", x: 0, y: 0, yanchor: "top", itemsizing: "constant" }
      : { itemsizing: "constant", font: { size: 13 } },
    hoverlabel: {
      bgcolor: color("--card"), bordercolor: color("--line"), font: { color: color("--ink"), size: 13 },
    },
  };
  return merged(base, figure.layout);
}

function traces(figure) {
  return figure.data.map((trace) =>
    trace.type === "heatmap"
      ? { ...trace, colorscale: [[0, color("--low")], [1, color("--accent")]], zmin: 0, zmax: 100 }
      : trace
  );
}

function draw() {
  for (const [id, figure] of Object.entries(figures)) {
    const element = document.getElementById(id);
    const options = { displayModeBar: false, responsive: true };
    Plotly.react(element, traces(figure), layout(figure, element), options);
  }
}

// Shows the image of a dot of a map beside it.
function showImages(id, sprite) {
  const element = document.getElementById(id);
  const box = document.getElementById("hover");
  const [image, text] = box.children;
  element.on("plotly_hover", (event) => {
    const point = event.points[0];
    const row = point.customdata;
    const zoom = 112 / sprite.width;
    const rows = Math.floor(row / sprite.columns);
    image.style.height = `${sprite.height * zoom}px`;
    image.style.backgroundImage = `url(${sprite.address})`;
    image.style.backgroundSize = `${sprite.columns * sprite.width * zoom}px auto`;
    image.style.backgroundPosition =
      `${-(row % sprite.columns) * sprite.width * zoom}px ${-rows * sprite.height * zoom}px`;
    const label = sprite.labels.length ? sprite.names[sprite.labels[row]] : "image";
    text.textContent = `${label}, number ${row}`;
    box.hidden = false;
    const { clientX: x, clientY: y } = event.event;
    const left = x + 16 + box.offsetWidth > innerWidth ? x - 16 - box.offsetWidth : x + 16;
    box.style.left = `${Math.max(4, left) + scrollX}px`;
    box.style.top = `${y - box.offsetHeight / 2 + scrollY}px`;
  });
  element.on("plotly_unhover", () => { box.hidden = true; });
}

draw();
for (const [id, figure] of Object.entries(figures)) {
  if (figure.sprite) showImages(id, sprites[figure.sprite]);
}
dark.addEventListener("change", draw);
narrow.addEventListener("change", draw);
