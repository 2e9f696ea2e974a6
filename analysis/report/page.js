"use strict";
// Sorting: a button in every heading of a table whose rows stand for themselves.
for (const table of document.querySelectorAll(".sortable table")) {
  const body = table.tBodies[0];
  const headings = [...table.tHead.rows[0].cells];
  headings.forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    heading.append(button);
    const numeric = heading.classList.contains("number");
    button.addEventListener("click", () => {
      const before = heading.getAttribute("aria-sort");
      const down = before ? before === "ascending" : numeric;
      headings.forEach((other) => other.removeAttribute("aria-sort"));
      heading.setAttribute("aria-sort", down ? "descending" : "ascending");
      const value = (row) => row.cells[column].dataset.value;
      const compare = (a, b) => {
        if (value(a) === "" || value(b) === "") return (value(a) === "") - (value(b) === "");  // what has none is last
        const order = numeric ? number(value(a)) - number(value(b)) : value(a).localeCompare(value(b), "en", {numeric: true});
        return down ? -order : order;
      };
      body.append(...[...body.rows].sort(compare));
    });
  });
}
function number(text) {  // as Python writes it
  return text === "inf" ? Number.MAX_VALUE : text === "-inf" ? -Number.MAX_VALUE : Number(text);
}

// Curves: the legend shows what is under the pointer, or where the arrow keys have moved.
for (const chart of document.querySelectorAll(".chart")) {
  const svg = chart.querySelector("svg");
  const data = JSON.parse(chart.querySelector("script").textContent);
  const dots = [...svg.querySelectorAll(".dot")];
  const values = [...chart.querySelectorAll(".value")];
  const places = [...new Set(data.curves.flatMap((curve) => curve.px))].sort((a, b) => a - b);
  const nearest = (list, x) => list.reduce((best, place, i) => (Math.abs(place - x) < Math.abs(list[best] - x) ? i : best), 0);
  let at = places.length - 1;
  const show = (place) => {
    at = place;
    const x = places[at];
    svg.querySelector(".pointer").setAttribute("x1", x);
    svg.querySelector(".pointer").setAttribute("x2", x);
    data.curves.forEach((curve, i) => {
      const j = nearest(curve.px, x);
      const isNear = Math.abs(curve.px[j] - x) < 4;
      values[i].textContent = isNear ? curve.text[j] : "\u2013";
      dots[i].setAttribute("cx", isNear ? curve.px[j] : -9);
      dots[i].setAttribute("cy", isNear ? curve.py[j] : -9);
      if (curve.px[j] === x) chart.querySelector(".at").textContent = (data.axis === "step" ? "iteration " : "epoch ") + curve.x[j];
    });
  };
  svg.addEventListener("pointermove", (event) => {
    const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    show(nearest(places, point.x));
  });
  svg.addEventListener("keydown", (event) => {
    const step = {ArrowLeft: -1, ArrowRight: 1}[event.key];
    if (!step) return;
    event.preventDefault();
    show(Math.min(Math.max(at + step, 0), places.length - 1));
  });
}

// Panels: at their own size in a dialog, which Escape, its button or a click closes.
const dialog = document.querySelector("dialog");
for (const panel of document.querySelectorAll(".panel")) {
  panel.addEventListener("click", () => {
    const image = dialog.querySelector("img");
    image.src = panel.querySelector("img").src;
    image.alt = panel.querySelector("img").alt;
    dialog.showModal();
  });
}
if (dialog) dialog.addEventListener("click", () => dialog.close());
