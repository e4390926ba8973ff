"use strict";
// Charts of a group share their axis of time: what is read on one is read on all.
document.querySelectorAll("main").forEach(function (main) {
  var readers = new Map();
  main.querySelectorAll(".chart").forEach(function (chart) {
    var figure = chart.closest("figure");
    var places = JSON.parse(chart.dataset.at);
    if (places.length === 0) { return; }
    var words = (chart.dataset.words || figure.dataset.words).split("\n");
    var caption = figure.querySelector("figcaption");
    var said = caption.textContent;
    var cursor = document.createElement("div");
    cursor.className = "cursor";
    cursor.hidden = true;
    chart.appendChild(cursor);
    readers.set(chart, {
      show: function (at) {
        var nearest = 0;
        places.forEach(function (place, n) {
          if (Math.abs(places[nearest] - at) > Math.abs(place - at)) { nearest = n; }
        });
        cursor.hidden = false;
        cursor.style.left = places[nearest] + "%";
        caption.textContent = words[nearest];
        caption.classList.add("reading");
      },
      hide: function () {
        cursor.hidden = true;
        caption.textContent = said;
        caption.classList.remove("reading");
      }
    });
  });
  readers.forEach(function (reader, chart) {
    var group = chart.closest(".linked");
    var together = Array.from(readers).filter(function (other) {
      return group ? other[0].closest(".linked") === group : other[0] === chart;
    });
    chart.addEventListener("pointermove", function (event) {
      var box = chart.getBoundingClientRect();
      var at = 100 * (event.clientX - box.left) / box.width;
      together.forEach(function (other) {
        if (other[0].offsetParent !== null) { other[1].show(at); }
      });
    });
    chart.addEventListener("pointerleave", function () {
      together.forEach(function (other) { other[1].hide(); });
    });
  });
});
window.addEventListener("beforeprint", function () {
  document.querySelectorAll("details").forEach(function (part) { part.open = true; });
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
