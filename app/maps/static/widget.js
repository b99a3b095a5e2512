// The widget in its frame: reads the layer, shows it as map and list, and tells the page about it.
import { fill, fillCluster, fillPairing } from "./card.js";
import { countOf, fillFilters, openWithFew, passing, restyleFilters, showAll } from "./filters.js";
import { counted } from "./labels.js";
import { read } from "./layer.js";
import { Listing } from "./listing.js";
import { MapView } from "./map.js";
import { element } from "./table.js";
import { listen, style, tell } from "./page.js";

const { embed, view, area, kinds, tiles, attribution, cards, problem } = document.body.dataset;
const root = document.documentElement;
const $ = (id) => document.getElementById(id);
const isList = () => root.dataset.view === "list";

let widget = null;
style(() => widget?.restyle());
listen({
  greet: () => (problem ? tell("error", { message: problem }) : tell("hello")),
  select: (id) => widget?.selectById(id),
  decide: (id, state) => widget?.decide(id, state),
});

async function fetched(address, options = {}) {
  const answer = await fetch(address, { credentials: "omit", ...options });
  if (answer.ok) return answer.json();
  const content = await answer.json().catch(() => ({}));
  throw new Error(content.detail ?? `the data could not be loaded (${answer.status})`);
}

class Widget {
  #layer;
  #map;
  #listing;
  #form = $("filters");
  #card = $("card");
  #passed = null;
  #chosen = null;
  #isPairing = false;
  #opener = null;
  #waiting = 0;

  constructor(layer, ground) {
    this.#layer = layer;
    root.dataset.pairings = layer.pairings.giver.length > 0;
    this.#say(ground);
    fillFilters(this.#form, layer);
    this.#preset();
    const choose = (at) => this.select(at);
    const pair = (k) => this.pair(k);
    this.#map = new MapView(layer, {
      ground, tiles, choose, pair, gather: (members) => this.#gather(members), leave: () => this.select(null),
    });
    this.#listing = new Listing(layer, { choose, pair });
    this.#listenToReader();
    root.dataset.view = view;
    this.#filter();
    this.#map.start();
    this.#show(view);
  }

  restyle() {
    restyleFilters(this.#form);
    this.#map.restyle();
  }

  /** What the page asks for; the reader's focus stays where it is. */
  selectById(id) {
    const at = id === null ? -1 : this.#layer.id.findIndex((each) => String(each) === String(id));
    this.select(at < 0 ? null : at, { withFocus: false });
    if (at >= 0 && !isList()) this.#map.goTo(at);
  }

  select(at, { withFocus = true } = {}) {
    if (this.#chosen === at && at !== null && !this.#isPairing) return;
    this.#isPairing = false;
    const held = document.activeElement;
    const closes = at === null && this.#card.contains(held);
    if (at !== null && !this.#card.contains(held)) this.#opener = held;
    this.#chosen = at;
    this.#map.choose(at);
    this.#card.hidden = at === null;
    if (at !== null) this.#fill(at, withFocus);
    this.#map.resize();
    if (at !== null && !isList()) this.#map.reveal(at, this.#card);
    this.#map.draw();
    if (closes) this.#giveFocusBack();
    const { id, name, symbol, symbols } = this.#layer;
    tell("select", at === null ? { id: null } : { id: id[at], name: name[at], kind: symbols[symbol[at]] });
  }

  /** One pairing: on a card of ours, or by whoever is around us. */
  pair(k) {
    const { id, pairings: p } = this.#layer;
    const held = document.activeElement;
    if (!this.#card.contains(held)) this.#opener = held;
    this.#chosen = null;
    this.#isPairing = true;
    this.#map.choose(null, k);
    this.#card.hidden = cards === "page";
    if (!this.#card.hidden) {
      fillPairing(this.#card, this.#layer, k, { select: (at) => this.select(at), close: () => this.select(null) });
      this.#card.scrollTop = 0;
      this.#card.focus({ preventScroll: true });
    }
    this.#map.resize();
    this.#map.draw();
    const [giver, taker] = [p.giver[k], p.taker[k]];
    tell("pairing", { id: p.id[k], giver: id[giver], taker: id[taker] });
  }

  /** What became of a pairing in the page around us; what has ended is shown no more. */
  decide(pairing, state) {
    const { pairings: p } = this.#layer;
    const k = p.id.indexOf(pairing);
    if (k < 0 || p.states[p.state[k]] === state) return;
    if (!p.states.includes(state)) p.states.push(state);
    p.state[k] = p.states.indexOf(state);
    this.#filter();
  }

  #fill(at, withFocus) {
    fill(this.#card, this.#layer, at, {
      select: (other) => this.select(other),
      pair: (k) => this.pair(k),
      close: () => this.select(null),
      onMap: isList() ? () => this.#show("map") : null,
    });
    this.#card.scrollTop = 0;
    if (withFocus) this.#card.focus({ preventScroll: true });
  }

  #gather(members) {
    this.#opener = document.activeElement;
    fillCluster(this.#card, this.#layer, members, { select: (at) => this.select(at), close: () => this.select(null) });
    this.#card.hidden = false;
    this.#card.focus();
  }

  /** To the row it came from; a marker may have moved, so the map knows which one it is now. */
  #giveFocusBack() {
    const isThere = this.#opener?.isConnected && !this.#map.holds(this.#opener);
    if (isThere) this.#opener.focus();
    else if (!isList()) this.#map.focus();
  }

  #show(wanted) {
    root.dataset.view = wanted;
    $("map-view").hidden = isList();
    $("list-view").hidden = !isList();
    $("as-map").setAttribute("aria-pressed", String(!isList()));
    $("as-list").setAttribute("aria-pressed", String(isList()));
    if (isList()) return this.#listing.show(this.#passed);
    if (this.#map.isLoaded) this.#map.resize();
    else this.#map.fit();
    if (this.#chosen !== null) this.#map.goTo(this.#chosen);
    return this.#map.draw();
  }

  #filter({ move = false } = {}) {
    this.#passed = passing(this.#form, this.#layer, $("find").value);
    this.#map.show(this.#passed);
    const participants = this.#passed.shown.reduce((sum, one) => sum + one, 0);
    const [pairings, all] = [this.#passed.arcs.length, this.#passed.all];
    $("status").textContent = countOf(this.#passed, this.#layer.pairings.giver.length > 0);
    $("all").hidden = pairings === all;
    $("all").textContent = `Show ${all === 1 ? "the pairing" : `all ${counted(all, "pairing", "pairings")}`}`;
    tell("filter", { participants, pairings });
    if (isList()) return this.#listing.show(this.#passed, { keep: true });
    if (move || !this.#map.isLoaded) this.#map.fit();
    return this.#map.draw();
  }

  #filterSoon(options) {
    clearTimeout(this.#waiting);
    this.#waiting = setTimeout(() => this.#filter(options), 160);
  }

  /** What the page asked to be shown first. */
  #preset() {
    const { symbols } = this.#layer;
    const wanted = kinds.split(",");
    for (const box of this.#form.querySelectorAll("[name=kind]")) box.checked = !kinds || wanted.includes(symbols[box.value]);
    if ([...this.#form.area.options].some((option) => option.value === area)) this.#form.area.value = area;
    this.#form.everyone.defaultChecked = cards === "own";
    openWithFew(this.#form, this.#layer, "");
    if (innerWidth < 700) $("side").open = false;
  }

  #say(ground) {
    const day = new Date(`${this.#layer.day}T12:00:00Z`).toLocaleDateString("en-GB", { dateStyle: "long" });
    $("day").textContent = `Updated ${day}.`;
    if (ground) $("ground-credit").textContent = ground.credit;
    if (attribution) $("tile-credit").textContent = `${attribution}.`;
  }

  /** No form is sent: the frame may not, and the browser would complain of it. */
  #listenToReader() {
    const form = this.#form;
    $("as-map").addEventListener("click", () => this.#show("map"));
    $("as-list").addEventListener("click", () => this.#show("list"));
    $("all").addEventListener("click", () => {
      showAll(form);
      this.#filter({ move: true });
      form.querySelector("fieldset input").focus(); // the button is gone
    });
    $("print").addEventListener("click", () => print());
    $("find").addEventListener("input", () => this.#filterSoon({ move: true }));
    $("find").addEventListener("keydown", ({ key }) => key === "Enter" && this.#find());
    form.addEventListener("keydown", (event) => event.key === "Enter" && event.target.matches("input") && event.preventDefault());
    form.addEventListener("change", ({ target }) => this.#filterSoon({ move: !["kind", "step", "everyone"].includes(target.name) }));
    form.addEventListener("reset", () => {
      $("find").value = "";
      setTimeout(() => this.#filter({ move: true }));
    });
    addEventListener("keydown", ({ key }) => key === "Escape" && !this.#card.hidden && this.select(null));
  }

  #find() {
    clearTimeout(this.#waiting);
    this.#filter({ move: true });
    const { base } = this.#passed;
    if (base.reduce((sum, one) => sum + one, 0) === 1) this.select(base.indexOf(1));
  }
}

/** The token behind the # of our address, which no server has seen, opens the data for minutes. */
async function layerOf(page) {
  if (page.length < 2) throw new Error("the code of this map is not complete; copy it again");
  const body = new URLSearchParams({ token: page.slice(1), embed });
  const { token } = await fetched("data-tokens", { method: "POST", body });
  return fetched("layer", { headers: { Authorization: `Bearer ${token}` } });
}

async function start() {
  const [raw, ground] = await Promise.all([
    layerOf(location.hash),
    tiles ? null : fetched("basemap"),
  ]);
  performance.mark("data");
  widget = new Widget(read(raw), ground);
  performance.measure("interactive", "data");
  root.dataset.state = "ready";
  tell("ready", { participants: raw.participants.id.length, pairings: raw.pairings.at.length });
}

if (!problem) {
  start().catch((error) => {
    root.dataset.state = "failed";
    // What the developer of the page can mend is in the event and the console.
    const list = element("a", { href: embed ? `list?embed=${encodeURIComponent(embed)}` : "list" }, "the list of schools");
    $("status").classList.add("sorry");
    $("status").replaceChildren("Sorry, the map cannot be shown. You can use ", list, " instead.");
    tell("error", { message: error.message });
    console.error(error);
  });
}
