"use strict";
const counted = (number) => number.toLocaleString("en-GB");
// Everything is in the page already; this only helps to look around in it.
for (const tools of document.querySelectorAll("[data-filter]")) {
  const rows = [...document.querySelectorAll(`#${tools.dataset.filter} tbody tr`)];
  const words = rows.map((row) => row.textContent.toLowerCase());
  tools.hidden = false;
  tools.querySelector("input").addEventListener("input", (event) => {
    const wanted = event.target.value.trim().toLowerCase();
    let shown = 0;
    rows.forEach((row, i) => { row.hidden = !words[i].includes(wanted); shown += !row.hidden; });
    tools.querySelector("[role=status]").textContent = wanted ? `${counted(shown)} of ${counted(rows.length)} rows` : "";
  });
}
let opened = [];
addEventListener("beforeprint", () => { opened = [...document.querySelectorAll("details:not([open])")]; opened.forEach((d) => { d.open = true; }); });
addEventListener("afterprint", () => opened.forEach((d) => { d.open = false; }));

const paper = document.getElementById("paper");
if (paper) {
  const facts = JSON.parse(document.getElementById("facts").textContent);
  const dots = new Map([...paper.querySelectorAll("use[data-i]")].map((use) => [Number(use.dataset.i), use]));
  const arcs = new Map([...paper.querySelectorAll("path[data-p]")].map((path) => [Number(path.dataset.p), path]));
  const named = new Map(facts.participants.map(([name], i) => [name, i]));
  const pairingsOf = new Map();
  facts.pairings.forEach(([giver, taker], p) => {
    for (const i of [giver, taker]) pairingsOf.set(i, [...(pairingsOf.get(i) || []), p]);
  });
  const tip = document.getElementById("tip"), chosen = document.getElementById("chosen");
  const box = paper.viewBox.baseVal, whole = { x: box.x, y: box.y, w: box.width, h: box.height };
  const scale = document.getElementById("scale"), mile = parseFloat(scale.style.width);
  let picked = null;

  const name = (i) => facts.participants[i][0];
  const count = (days) => `${counted(days)} ${days === 1 ? "day" : "days"}`;
  const far = (miles) =>
    miles === null ? "" : miles < 0.05 ? ", less than 0.1 miles" : `, ${counted(miles)} ${miles === 1 ? "mile" : "miles"}`;
  const sum = (ps) => ps.reduce((days, p) => days + facts.pairings[p][3], 0);

  function look(x, y, w) {
    w = Math.min(whole.w, Math.max(whole.w / 24, w));
    const h = (w * whole.h) / whole.w;
    box.x = Math.min(whole.w - w, Math.max(0, x)); box.y = Math.min(whole.h - h, Math.max(0, y));
    box.width = w; box.height = h;
    paper.style.setProperty("--k", Math.pow(w / whole.w, 0.72));
    scale.style.width = `${(mile * whole.w) / w}%`;
    scale.parentElement.hidden = (mile * whole.w) / w > 90;
  }
  function zoom(factor, cx = box.x + box.width / 2, cy = box.y + box.height / 2) {
    if (!factor) return look(0, 0, whole.w);
    const w = Math.min(whole.w, Math.max(whole.w / 24, box.width / factor)), f = w / box.width;
    look(cx - (cx - box.x) * f, cy - (cy - box.y) * f, w);
  }
  function at(event) {
    const r = paper.getBoundingClientRect();
    return [box.x + ((event.clientX - r.left) / r.width) * box.width, box.y + ((event.clientY - r.top) / r.height) * box.height];
  }
  function light(i) {
    paper.classList.toggle("focused", i !== null);
    for (const on of paper.querySelectorAll(".on")) on.classList.remove("on");
    if (i === null) return;
    dots.get(i)?.classList.add("on");
    for (const p of pairingsOf.get(i) || []) {
      arcs.get(p)?.classList.add("on");
      for (const other of facts.pairings[p].slice(0, 2)) dots.get(other)?.classList.add("on");
    }
  }
  function list(title, ps, other) {
    if (!ps.length) return [];
    const head = document.createElement("b"), ul = document.createElement("ul");
    head.textContent = `${title} ${count(sum(ps))}`;
    for (const p of ps) {
      const [, , expertise, days, , miles] = facts.pairings[p], li = document.createElement("li");
      li.textContent = `${count(days)} of ${expertise} ${other[0]} ${name(facts.pairings[p][other[1]])}${far(miles)}`;
      ul.append(li);
    }
    return [head, ul];
  }
  function pick(i) {
    if (picked !== null) dots.get(picked)?.classList.remove("picked");
    picked = i;
    light(i);
    chosen.replaceChildren();
    if (i === null) return;
    dots.get(i)?.classList.add("picked");
    const head = document.createElement("h3"), ps = pairingsOf.get(i) || [];
    head.textContent = `${name(i)} (${facts.participants[i][1]})`;
    const gives = ps.filter((p) => facts.pairings[p][0] === i), takes = ps.filter((p) => facts.pairings[p][1] === i);
    chosen.append(head, ...list("Gives", gives, ["to", 1]), ...list("Receives", takes, ["from", 0]));
    if (!ps.length) chosen.append("Not part of this plan.");
  }
  function says(target) {
    if (target.dataset.i !== undefined) {
      const i = Number(target.dataset.i), ps = pairingsOf.get(i) || [];
      const gives = sum(ps.filter((p) => facts.pairings[p][0] === i)), takes = sum(ps.filter((p) => facts.pairings[p][1] === i));
      return `${name(i)}: ${ps.length ? `gives ${count(gives)}, receives ${count(takes)}` : "not part of this plan"}`;
    }
    const [giver, taker, expertise, days, , miles] = facts.pairings[Number(target.dataset.p)];
    return `${name(giver)} gives ${count(days)} of ${expertise} to ${name(taker)}${far(miles)}`;
  }
  paper.addEventListener("pointermove", (event) => {
    const target = event.target.closest("[data-i], [data-p]");
    tip.hidden = !target;
    if (!target) { if (picked === null) light(null); return; }
    tip.textContent = says(target);
    const r = paper.parentElement.getBoundingClientRect(), x = event.clientX - r.left, y = event.clientY - r.top;
    tip.style.left = `${Math.min(x + 14, r.width - tip.offsetWidth - 4)}px`;
    tip.style.top = `${y + 18 + tip.offsetHeight > r.height ? y - tip.offsetHeight - 8 : y + 18}px`;
    if (picked === null && target.dataset.i !== undefined) light(Number(target.dataset.i));
  });
  paper.addEventListener("pointerleave", () => { tip.hidden = true; if (picked === null) light(null); });
  let drag = null;
  paper.addEventListener("pointerdown", (event) => { drag = { x: event.clientX, y: event.clientY, bx: box.x, by: box.y, moved: false }; });
  addEventListener("pointermove", (event) => {
    if (!drag) return;
    const k = box.width / paper.getBoundingClientRect().width;
    drag.moved ||= Math.hypot(event.clientX - drag.x, event.clientY - drag.y) > 4;
    if (drag.moved) look(drag.bx - (event.clientX - drag.x) * k, drag.by - (event.clientY - drag.y) * k, box.width);
  });
  addEventListener("pointerup", (event) => {
    const still = drag && !drag.moved;
    drag = null;
    if (!still || !paper.contains(event.target)) return;
    const target = event.target.closest("[data-i]");
    pick(target ? Number(target.dataset.i) : null);
  });
  paper.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    zoom(event.deltaY < 0 ? 1.25 : 0.8, ...at(event));
  }, { passive: false });
  paper.addEventListener("dblclick", (event) => zoom(1.8, ...at(event)));
  for (const button of document.querySelectorAll("[data-zoom]")) button.addEventListener("click", () => zoom(Number(button.dataset.zoom)));
  for (const input of document.querySelectorAll("#steps input")) {
    input.addEventListener("change", () => {
      for (const path of paper.querySelectorAll(`#arcs .${input.value}`)) path.style.display = input.checked ? "" : "none";
    });
  }
  const names = document.getElementById("names");
  for (const each of [...named.keys()].sort()) { const option = document.createElement("option"); option.value = each; names.append(option); }
  document.getElementById("find").addEventListener("change", (event) => {
    pick(named.get(event.target.value) ?? null);
    const spot = dots.get(picked)?.parentNode.transform.baseVal[0].matrix;
    if (spot) look(spot.e - box.width / 2, spot.f - box.height / 2, box.width);
  });
  document.getElementById("map-tools").addEventListener("submit", (event) => event.preventDefault());
  document.getElementById("map-tools").hidden = false;
}
