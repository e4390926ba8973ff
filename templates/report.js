"use strict";
document.querySelectorAll(".chart").forEach(function (chart) {
  var points = JSON.parse(chart.dataset.points);
  if (points.length === 0) { return; }
  var figure = chart.closest("figure");
  var caption = figure.querySelector("figcaption");
  var words = caption.textContent;
  var cursor = document.createElement("div");
  cursor.className = "cursor";
  cursor.hidden = true;
  chart.appendChild(cursor);
  chart.addEventListener("pointermove", function (event) {
    var box = chart.getBoundingClientRect();
    var at = 100 * (event.clientX - box.left) / box.width;
    var nearest = points.reduce(function (best, point) {
      return Math.abs(best[0] - at) > Math.abs(point[0] - at) ? point : best;
    });
    cursor.hidden = false;
    cursor.style.left = nearest[0] + "%";
    caption.textContent = nearest[1];
    caption.classList.add("reading");
  });
  chart.addEventListener("pointerleave", function () {
    cursor.hidden = true;
    caption.textContent = words;
    caption.classList.remove("reading");
  });
});
document.querySelectorAll("table.sortable").forEach(function (table) {
  var heads = Array.from(table.tHead.rows[0].cells);
  var body = table.tBodies[0];
  heads.forEach(function (head, column) {
    var button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.textContent = "";
    head.appendChild(button);
    button.addEventListener("click", function () {
      var up = head.getAttribute("aria-sort") === "descending";
      heads.forEach(function (other) { other.removeAttribute("aria-sort"); });
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      Array.from(body.rows).sort(function (a, b) {
        var x = a.cells[column].dataset.sort, y = b.cells[column].dataset.sort;
        var order = column === 0 ? y.localeCompare(x) : y - x;
        return up ? -order : order;
      }).forEach(function (row) { body.appendChild(row); });
    });
  });
});
