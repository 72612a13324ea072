"""Style, colours and script of the gallery."""

from __future__ import annotations

COLOURS = {
    "brick": "#a8442f",
    "concrete": "#8d9094",
    "render": "#e3cf9d",
    "natural_stone": "#b59a74",
    "wood": "#7a4f2a",
    "metal": "#4f6f8f",
    "glass": "#5fb3c8",
    "tile": "#c77f9b",
    "window": "#1f3a5f",
}

STYLE = """
:root { color-scheme: light; font: 15px/1.4 system-ui, sans-serif; }
body { margin: 0 auto; max-width: 1240px; padding: 0 16px 60px; color: #222; background: #fafafa; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.05rem; margin: 0; overflow-wrap: anywhere; }
header p { max-width: 75ch; } nav { position: sticky; top: 0; }
button { font: inherit; padding: 6px 14px; border: 1px solid #1f3a5f; border-radius: 6px;
  background: #1f3a5f; color: #fff; cursor: pointer; }
.legend span { margin-right: 14px; white-space: nowrap; }
.legend i { display: inline-block; width: 12px; height: 12px; margin-right: 5px; }
section { background: #fff; border: 1px solid #ddd; border-radius: 8px; padding: 14px;
  margin: 14px 0; }
section p { margin: 6px 0; }
.source { background: #eef2f7; border-radius: 4px; padding: 1px 7px; } .sure { color: #555; }
.bar { display: flex; height: 12px; border-radius: 3px; overflow: hidden; background: #eee; }
.bar i { display: block; height: 100%; }
.crops { display: flex; flex-wrap: wrap; gap: 12px; margin-top: 10px; }
figure { margin: 0; width: 226px; } figure img { width: 226px; height: 170px; object-fit: contain;
  background: #eee; border-radius: 4px; }
figcaption p { margin: 3px 0; font-size: .85rem; }
small { display: block; color: #666; overflow-wrap: anywhere; }
.fault { color: #a3261b; } .changed { outline: 2px solid #c2410c; }
select, input { font: inherit; font-size: .9rem; max-width: 100%; } input.window { width: 5em; }
"""

SCRIPT = """
"use strict";
const rows = new Map();
const key = (b, i) => JSON.stringify([b, i]);
const store = document.body.dataset.store;
const known = JSON.parse(document.getElementById("known").textContent);
for (const [b, i, label, window, note] of known)
  rows.set(key(b, i), {b, i, label, window: String(window), note});
const given = new Set(rows.keys());
try {
  for (const row of JSON.parse(localStorage.getItem(store) || "[]"))
    rows.set(key(row.b, row.i), row);
} catch (error) { /* without storage a page remembers until it is closed */ }
function keep() {
  document.getElementById("count").textContent = rows.size;
  try { localStorage.setItem(store, JSON.stringify([...rows.values()])); }
  catch (error) { /* as above */ }
}
function bind(box, b, i) {
  const select = box.querySelector("select.label");
  const window = i ? null : box.querySelector("input.window");
  const note = i ? null : box.querySelector("input.note");
  const old = rows.get(key(b, i));
  if (old) {
    const listed = ["none", ...[...select.options].map(option => option.value)];
    if (old.label && !listed.includes(old.label)) {
      const mix = document.createElement("option");
      mix.value = mix.textContent = old.label;
      select.append(mix);
    }
    select.value = old.label === "none" ? "" : old.label;
    if (window) { window.value = old.window; note.value = old.note; }
  }
  const mark = () => box.classList.toggle("changed", rows.has(key(b, i)));
  const change = () => {
    const row = {b, i, label: select.value, window: window ? window.value : "",
      note: note ? note.value : ""};
    if (row.label || row.window) rows.set(key(b, i), row);
    else if (given.has(key(b, i))) rows.set(key(b, i), {...row, label: "none"});  // taken back
    else rows.delete(key(b, i));
    mark(); keep();
  };
  for (const input of [select, window, note]) if (input) input.addEventListener("change", change);
  mark();
}
for (const section of document.querySelectorAll("section[data-building]")) {
  bind(section, section.dataset.building, "");
  for (const figure of section.querySelectorAll("figure[data-image]"))
    bind(figure, section.dataset.building, figure.dataset.image);
}
const cell = text => /[",\\n\\r;]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text;
document.getElementById("save").addEventListener("click", () => {
  const lines = ["building_id,image_id,label,window_share,note"];
  for (const r of rows.values())
    lines.push([r.b, r.i, r.label, r.window, r.note].map(cell).join(","));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([lines.join("\\n") + "\\n"], {type: "text/csv"}));
  link.download = "corrections.csv";
  link.click();
});
keep();
"""
