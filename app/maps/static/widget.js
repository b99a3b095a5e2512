// The widget in its frame: reads the layer, shows it as map or list, and tells the page about it.
import { fill, fillCluster, said } from "./card.js";
import { Field } from "./field.js";
import { fillFilters, passing, restyleFilters } from "./filters.js";
import { KINDS, LADDER, mercatorX, mercatorY, read } from "./layer.js";
import { Markers } from "./markers.js";
import { element, Table } from "./table.js";

const { token, origins, themeWanted, accent, view, area, kinds, tiles, attribution, problem } = document.body.dataset;
const ENGLAND = [[49.9, -5.9], [55.85, 1.9]];
const CLUSTERED_TO = 15;
const root = document.documentElement;
const $ = (id) => document.getElementById(id);
const number = (n) => n.toLocaleString("en-GB");

// --- The page around the frame: only one whose origin the token names is answered. ---
const allowed = JSON.parse(origins);
let page = null;
const untold = [];
function tell(type, detail = {}) {
  const message = { from: "partnership-map", type, detail };
  if (page) parent.postMessage(message, page);
  else untold.push(message);
}
addEventListener("message", ({ source, origin, data }) => {
  if (source !== parent || parent === window || !allowed.includes(origin) || data?.to !== "partnership-map") return;
  if (data.type === "hello" && !page) {
    page = origin;
    tell(problem ? "error" : "hello", problem ? { message: problem } : {});
    for (const message of untold.splice(0)) parent.postMessage(message, page);
  } else if (data.type === "select") api.select?.(data.id);
});
const api = {};

// --- Theme: what the page asks for, else what the reader's system prefers. ---
const media = (query) => matchMedia(query);
const PREFERENCES = { contrast: media("(prefers-contrast: more), (forced-colors: active)"), dark: media("(prefers-color-scheme: dark)") };
function restyle() {
  const preferred = PREFERENCES.contrast.matches ? "contrast" : PREFERENCES.dark.matches ? "dark" : "light";
  root.dataset.theme = themeWanted === "auto" ? preferred : themeWanted;
  const [r, g, b] = [0, 2, 4].map((k) => parseInt(accent.slice(k, k + 2), 16) / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
  root.style.setProperty("--accent", `#${accent}`);
  root.style.setProperty("--on-accent", 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 ? "#000" : "#fff");
}
restyle();

async function fetched(address) {
  const answer = await fetch(address, { credentials: "omit" });
  if (answer.ok) return answer.json();
  const content = await answer.json().catch(() => ({}));
  throw new Error(content.detail ?? `the layer could not be read (${answer.status})`);
}

async function start() {
  const [raw, coast] = await Promise.all([
    fetched(`layer?token=${encodeURIComponent(token)}`),
    tiles ? null : fetched("vendor/coast.json"),
  ]);
  performance.mark("data");
  const layer = read(raw);
  const form = $("filters");
  const card = $("card");
  const state = { base: null, shown: new Uint8Array(layer.count), arcs: [], chosen: null, index: null, list: "participants" };
  root.dataset.pairings = layer.pairings.giver.length > 0;

  fillFilters(form, layer);
  if (kinds) for (const box of form.querySelectorAll("[name=kind]")) box.checked = kinds.split(",").includes(layer.symbols[box.value]);
  if (area) form.area.value = [...form.area.options].some((o) => o.value === area) ? area : "";
  $("tabs").hidden = !layer.pairings.giver.length;
  $("day").textContent = `As of ${new Date(`${layer.day}T12:00:00Z`).toLocaleDateString("en-GB", { dateStyle: "long" })}.`;
  if (attribution) $("tile-credit").textContent = `${attribution}.`;

  // --- Map ---
  const isTouch = media("(pointer: coarse)").matches;
  const map = L.map("map", {
    keyboard: false, attributionControl: false, zoomControl: false, zoomSnap: 0.5, minZoom: 4.5, maxZoom: 18,
    scrollWheelZoom: false, dragging: !isTouch, maxBounds: [[45, -14], [63, 8]], maxBoundsViscosity: 0.8,
    fadeAnimation: false, zoomAnimation: !media("(prefers-reduced-motion: reduce)").matches,
  });
  L.control.zoom({ position: "topright" }).addTo(map);
  L.control.scale({ position: "bottomleft", maxWidth: 110, metric: false }).addTo(map);
  map.on("click focusin", () => map.scrollWheelZoom.enable());
  map.getContainer().addEventListener("mouseleave", () => map.scrollWheelZoom.disable());
  let hint = 0;
  map.getContainer().addEventListener("touchmove", ({ touches }) => {
    $("two-fingers").hidden = touches.length > 1;
    clearTimeout(hint);
    hint = setTimeout(() => ($("two-fingers").hidden = true), 1200);
  }, { passive: true });
  if (tiles) L.tileLayer(tiles, { maxZoom: 18 }).addTo(map);
  const field = new Field(layer, coast);
  const markers = new Markers(map, {
    name: (marker) => marker.count ? `${number(marker.count)} schools and others, ${marker.isOneplace ? "in one place" : "zoom in"}` : said(layer, marker.at),
    choose: (marker) => (marker.count ? open(marker) : select(marker.at)),
    leave: () => select(null),
  });

  const single = (at, r, lit = false) => ({ at, r, lit, x: layer.x[at], y: layer.y[at], latitude: layer.latitude[at], longitude: layer.longitude[at] });

  /** The markers in and about the frame at this zoom. */
  function inSight() {
    const zoom = Math.min(Math.floor(map.getZoom()), CLUSTERED_TO + 1);
    const bounds = map.getBounds().pad(0.4);
    const box = [bounds.getWest(), bounds.getSouth(), bounds.getEast(), bounds.getNorth()];
    const r = map.getZoom() < 9 ? 5 : map.getZoom() < 12 ? 6 : 7;
    const found = state.index.getClusters(box, zoom).map(({ geometry, properties: p }) => {
      if (!p.cluster) return single(p.at, r);
      const [longitude, latitude] = geometry.coordinates;
      return {
        count: p.point_count, id: p.cluster_id, kinds: layer.symbols.map((_, n) => p[`k${n}`]), longitude, latitude,
        x: mercatorX(longitude), y: mercatorY(latitude), r: 11.5 + Math.min(10, 2.6 * Math.log10(p.point_count)),
        isOneplace: zoom > CLUSTERED_TO - 1,
      };
    });
    if (state.chosen === null) return found;
    const near = new Set([state.chosen]);
    for (const k of layer.given[state.chosen]) near.add(layer.pairings.taker[k]);
    for (const k of layer.taken[state.chosen]) near.add(layer.pairings.giver[k]);
    const lit = [...near].filter((at) => !Number.isNaN(layer.x[at])).map((at) => single(at, r + 1, true));
    return [...found.filter((marker) => marker.count || !near.has(marker.at)), ...lit];
  }
  function draw() {
    if (!map._loaded) return;
    const found = inSight();
    field.show({ markers: found, shown: state.shown, arcs: state.arcs, chosen: state.chosen });
    markers.show(found);
  }

  function open(marker) {
    const zoom = state.index.getClusterExpansionZoom(marker.id);
    if (zoom <= CLUSTERED_TO && zoom > map.getZoom()) map.setView([marker.latitude, marker.longitude], zoom);
    else {
      const members = state.index.getLeaves(marker.id, Infinity).map((leaf) => leaf.properties.at);
      fillCluster(card, layer, members, { select, close: () => select(null) });
      card.hidden = false;
      card.focus();
    }
  }

  function spots(which) {
    const bounds = L.latLngBounds([]);
    for (let i = 0; i < layer.count; i++) {
      if (which[i] && !Number.isNaN(layer.x[i])) bounds.extend([layer.latitude[i], layer.longitude[i]]);
    }
    return bounds;
  }

  function fit() {
    map.invalidateSize({ pan: false });
    const bounds = spots(state.base);
    map.fitBounds(bounds.isValid() ? bounds : ENGLAND, { padding: [18, 18], maxZoom: 12, animate: false });
  }

  /** Move a place out from under the card, which may lie over the map. */
  function reveal(spot) {
    const [place, over] = [$("map").getBoundingClientRect(), card.getBoundingClientRect()];
    const size = map.getSize();
    const right = over.right >= place.right - 2 && over.width < place.width ? Math.max(0, place.right - over.left) : 0;
    const bottom = right ? 0 : Math.max(0, place.bottom - over.top);
    map.panInside(spot, { paddingTopLeft: [40, 40], paddingBottomRight: [Math.min(right + 60, size.x - 60), Math.min(bottom + 40, size.y - 60)], animate: false });
  }

  // --- What is selected ---
  function select(at, { move = true } = {}) {
    if (state.chosen === at && at !== null) return;
    const held = document.activeElement;
    if (at !== null && !card.contains(held)) state.opener = held;
    state.chosen = at;
    card.hidden = at === null;
    if (at !== null) {
      const isList = root.dataset.view === "list";
      fill(card, layer, at, { select, close: () => select(null), onMap: isList ? () => show("map") : null });
      map.invalidateSize({ pan: false });
      if (move && !isList && !Number.isNaN(layer.x[at])) reveal(L.latLng(layer.latitude[at], layer.longitude[at]));
      card.scrollTop = 0;
      card.focus({ preventScroll: true });
    }
    map.invalidateSize({ pan: false });
    draw();
    if (at === null && (card.contains(held) || held === document.body)) {
      if (state.opener?.isConnected && !$("map").contains(state.opener)) state.opener.focus();
      else markers.focus();
    }
    tell("select", at === null ? { id: null } : { id: layer.id[at], name: layer.name[at], kind: layer.symbols[layer.symbol[at]] });
  }
  api.select = (id) => {
    const at = id === null ? -1 : layer.id.findIndex((each) => String(each) === String(id));
    select(at < 0 ? null : at);
    if (at >= 0 && root.dataset.view !== "list" && !Number.isNaN(layer.x[at])) map.setView([layer.latitude[at], layer.longitude[at]], Math.max(map.getZoom(), 11));
  };
  addEventListener("keydown", (event) => event.key === "Escape" && state.chosen !== null && select(null));

  // --- The list ---
  const table = new Table($("table"), $("pager"));
  let rank = null;
  function ranks() {
    if (rank) return rank;
    const compare = new Intl.Collator("en-GB", { numeric: true }).compare;
    rank = new Uint32Array(layer.count);
    [...layer.name.keys()].sort((a, b) => compare(layer.name[a], layer.name[b])).forEach((at, n) => (rank[at] = n));
    return rank;
  }
  const who = (at) => element("button", { type: "button", class: "link", onclick: () => select(at) }, layer.name[at]);
  const kindOf = (at) => KINDS[layer.symbols[layer.symbol[at]]];
  function participantColumns() {
    const columns = [
      { title: "Name", key: (at) => ranks()[at], cell: who },
      { title: "Kind", key: kindOf, cell: kindOf },
      { title: "Local authority", key: (at) => layer.areas[layer.area[at]], cell: (at) => layer.areas[layer.area[at]] ?? "" },
      { title: "Postcode", key: (at) => layer.postcode[at] || null, cell: (at) => layer.postcode[at] },
    ];
    const counted = (title, lists) => ({ title, number: true, key: (at) => lists[at].length, cell: (at) => String(lists[at].length || "") });
    if (layer.pairings.giver.length) columns.push(counted("Gives", layer.given), counted("Receives", layer.taken));
    if (layer.hasOffers) columns.push({ title: "Can offer", key: (at) => layer.offers[at].map((c) => layer.expertise[c]).join(", ") || null, cell: (at) => layer.offers[at].map((c) => layer.expertise[c]).join(", ") });
    return columns;
  }
  const p = layer.pairings;
  const PAIRING_COLUMNS = [
    { title: "Giver", key: (k) => ranks()[p.giver[k]], cell: (k) => who(p.giver[k]) },
    { title: "Receiver", key: (k) => ranks()[p.taker[k]], cell: (k) => who(p.taker[k]) },
    { title: "Expertise", key: (k) => layer.expertise[p.expertise[k]], cell: (k) => layer.expertise[p.expertise[k]] },
    { title: "Days", number: true, key: (k) => p.half_days[k], cell: (k) => String(p.half_days[k] / 2) },
    { title: "Miles", number: true, key: (k) => p.miles[k], cell: (k) => (p.remote[k] ? "remote" : (p.miles[k]?.toFixed(1) ?? "")) },
    { title: "From", key: (k) => p.ladder[k], cell: (k) => LADDER[layer.ladder[p.ladder[k]]] },
  ];
  function list({ keep = false } = {}) {
    if (root.dataset.view !== "list") return;
    if (state.list === "pairings") table.show("Pairings, from giver to receiver", PAIRING_COLUMNS, state.arcs, { keep });
    else table.show("Schools and others", participantColumns(), [...layer.name.keys()].filter((at) => state.shown[at]), { keep });
  }
  for (const name of ["participants", "pairings"]) {
    $(`list-${name}`).addEventListener("click", () => {
      state.list = name;
      for (const other of ["participants", "pairings"]) $(`list-${other}`).setAttribute("aria-pressed", String(other === name));
      list();
    });
  }

  function show(wanted) {
    root.dataset.view = wanted;
    $("map-view").hidden = wanted === "list";
    $("list-view").hidden = wanted !== "list";
    $("as-map").setAttribute("aria-pressed", String(wanted !== "list"));
    $("as-list").setAttribute("aria-pressed", String(wanted === "list"));
    if (wanted === "list") list();
    else {
      map.invalidateSize({ pan: false });
      if (!map._loaded) fit();
      const at = state.chosen;
      if (at !== null && !Number.isNaN(layer.x[at])) map.setView([layer.latitude[at], layer.longitude[at]], Math.max(map.getZoom(), 11), { animate: false });
      draw();
    }
  }
  $("as-map").addEventListener("click", () => show("map"));
  $("as-list").addEventListener("click", () => show("list"));

  // --- Filters ---
  function filter({ move = false } = {}) {
    Object.assign(state, passing(form, layer, $("find").value));
    const points = [];
    let count = 0;
    for (let at = 0; at < layer.count; at++) {
      if (!state.shown[at]) continue;
      count++;
      if (Number.isNaN(layer.x[at])) continue;
      points.push({ type: "Feature", geometry: { type: "Point", coordinates: [layer.longitude[at], layer.latitude[at]] }, properties: { at, kind: layer.symbol[at] } });
    }
    const keys = layer.symbols.map((_, n) => `k${n}`);
    state.index = new Supercluster({
      radius: points.length < 400 ? 28 : 56, extent: 256, maxZoom: CLUSTERED_TO, minPoints: 3,
      map: ({ kind }) => Object.fromEntries(keys.map((key, n) => [key, n === kind ? 1 : 0])),
      reduce: (sum, other) => keys.forEach((key) => (sum[key] += other[key])),
    }).load(points);
    const pairings = p.giver.length ? ` and ${number(state.arcs.length)} ${state.arcs.length === 1 ? "pairing" : "pairings"}` : "";
    $("status").textContent = `${number(count)} ${count === 1 ? "school or other" : "schools and others"}${pairings}`;
    tell("filter", { participants: count, pairings: state.arcs.length });
    if (root.dataset.view === "list") return list({ keep: true });
    if (move || !map._loaded) fit();
    return draw();
  }
  let waiting = 0;
  const later = (options) => {
    clearTimeout(waiting);
    waiting = setTimeout(() => filter(options), 160);
  };
  $("find").addEventListener("input", () => later({ move: true }));
  // No form is sent: the frame may not, and the browser would say so.
  $("find").addEventListener("keydown", ({ key }) => {
    if (key !== "Enter") return;
    clearTimeout(waiting);
    filter({ move: true });
    if (state.base.reduce((sum, one) => sum + one, 0) === 1) select(state.base.indexOf(1));
  });
  form.addEventListener("keydown", (event) => event.key === "Enter" && event.target.matches("input") && event.preventDefault());
  form.addEventListener("change", (event) => later({ move: event.target.name !== "kind" && event.target.name !== "step" }));
  form.addEventListener("reset", () => {
    $("find").value = "";
    setTimeout(() => filter({ move: true }));
  });
  $("print").addEventListener("click", () => print());
  for (const [event, isPrinting] of [["beforeprint", true], ["afterprint", false]]) {
    addEventListener(event, () => {
      if (root.dataset.view === "list") return;
      const bounds = map.getBounds();
      root.toggleAttribute("data-printing", isPrinting);
      map.invalidateSize({ pan: false });
      map.fitBounds(bounds, { animate: false });
    });
  }
  for (const query of Object.values(PREFERENCES)) {
    query.addEventListener("change", () => {
      restyle();
      restyleFilters(form);
      field.restyle();
      if (map._loaded) draw();
    });
  }

  if (innerWidth < 700) $("side").open = false;
  root.dataset.view = view;
  filter();
  field.addTo(map);
  map.on("moveend", draw);
  new ResizeObserver(() => root.dataset.view !== "list" && map.invalidateSize({ pan: false })).observe($("map"));
  show(view);
  performance.measure("interactive", "data");
  root.dataset.state = "ready";
  tell("ready", { participants: layer.count, pairings: p.giver.length });
}

if (!problem) {
  start().catch((error) => {
    root.dataset.state = "failed";
    $("status").textContent = `The map cannot be shown: ${error.message}.`;
    tell("error", { message: error.message });
    console.error(error);
  });
}
