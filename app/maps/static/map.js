// The map: clusters, markers and arcs of whoever is shown, on one canvas.
import { said } from "./card.js";
import { Field } from "./field.js";
import { counted } from "./labels.js";
import { mercatorX, mercatorY } from "./layer.js";
import { Markers } from "./markers.js";

const ENGLAND = [[49.9, -5.9], [55.85, 1.9]];
const CLUSTERED_TO = 15;
const FEW = 400;
const CLOSE = 11;

export class MapView {
  #layer;
  #map;
  #field;
  #markers;
  #index;
  #shown = { base: [], shown: [], arcs: [], isFound: false };
  #chosen = null;
  #pairing = null;

  /** `choose` is called with who was chosen, `pair` with a pairing, `gather` with those who
   * stand in one place. */
  constructor(layer, { ground, tiles, choose, pair, gather, leave }) {
    this.#layer = layer;
    this.#map = L.map("map", {
      keyboard: false, attributionControl: false, zoomControl: false, zoomSnap: 0.5, minZoom: 4.5, maxZoom: 18,
      scrollWheelZoom: false, dragging: !matchMedia("(pointer: coarse)").matches,
      maxBounds: [[45, -14], [63, 8]], maxBoundsViscosity: 0.8,
      fadeAnimation: false, zoomAnimation: !matchMedia("(prefers-reduced-motion: reduce)").matches,
    });
    L.control.zoom({ position: "topright" }).addTo(this.#map);
    L.control.scale({ position: "bottomleft", maxWidth: 110, metric: false }).addTo(this.#map);
    if (tiles) L.tileLayer(tiles, { maxZoom: 18 }).addTo(this.#map);
    this.#field = new Field(layer, ground);
    this.#markers = new Markers(this.#map, {
      name: (marker) => this.#name(marker),
      choose: (marker) => (marker.count ? this.#open(marker, gather) : choose(marker.at)),
      leave,
    });
    this.#map.on("click", ({ layerPoint }) => {
      const pairing = this.#field.arcAt(layerPoint);
      if (pairing !== null) pair(pairing);
    });
    this.#map.on("mousemove", ({ layerPoint }) => {
      this.#map.getContainer().classList.toggle("over-arc", this.#field.arcAt(layerPoint) !== null);
    });
    this.#letThePageScroll();
    this.#fitPaper();
  }

  get isLoaded() {
    return Boolean(this.#map._loaded);
  }

  /** From now on it is drawn whenever it moves or changes its size. */
  start() {
    this.#field.addTo(this.#map);
    this.#map.on("moveend", () => this.draw());
    new ResizeObserver(() => this.isLoaded && this.resize()).observe(this.#map.getContainer());
  }

  restyle() {
    this.#field.restyle();
    this.draw();
  }

  resize() {
    this.#map.invalidateSize({ pan: false });
  }

  /** Show what passed the filters. */
  show(passed) {
    this.#shown = passed;
    const { symbol, symbols, x, longitude, latitude } = this.#layer;
    const points = [];
    passed.shown.forEach((isShown, at) => {
      if (!isShown || Number.isNaN(x[at])) return;
      const geometry = { type: "Point", coordinates: [longitude[at], latitude[at]] };
      points.push({ type: "Feature", geometry, properties: { at, kind: symbol[at] } });
    });
    const keys = symbols.map((_, n) => `k${n}`);
    this.#index = new Supercluster({
      radius: points.length < FEW ? 28 : 56, extent: 256, maxZoom: CLUSTERED_TO, minPoints: 3,
      map: ({ kind }) => Object.fromEntries(keys.map((key, n) => [key, n === kind ? 1 : 0])),
      reduce: (sum, other) => keys.forEach((key) => (sum[key] += other[key])),
    }).load(points);
  }

  /** Somebody, or one pairing, or nothing. */
  choose(at, pairing = null) {
    this.#chosen = at;
    this.#pairing = pairing;
  }

  draw() {
    if (!this.isLoaded) return;
    const markers = this.#inSight();
    this.#field.show({ ...this.#shown, markers, chosen: this.#chosen, pairing: this.#pairing });
    this.#markers.show(markers);
  }

  /** Show the pairings that passed the filters, as near as they allow; without any, who passed. */
  fit() {
    this.resize();
    const { giver, taker } = this.#layer.pairings;
    const { arcs, base, isFound } = this.#shown;
    const bounds = L.latLngBounds([]);
    const take = (at) => this.#isKnown(at) && bounds.extend(this.#spot(at));
    if (!isFound) arcs.forEach((k) => [giver[k], taker[k]].every((at) => this.#isKnown(at)) && [giver[k], taker[k]].forEach(take));
    if (!bounds.isValid()) base.forEach((isIn, at) => isIn && take(at));
    this.#map.fitBounds(bounds.isValid() ? bounds : ENGLAND, { padding: [18, 18], maxZoom: 12, animate: false });
  }

  goTo(at) {
    if (this.#isKnown(at)) this.#map.setView(this.#spot(at), Math.max(this.#map.getZoom() || 0, CLOSE), { animate: false });
  }

  /** Move somebody out from under the card, which may lie over the map. */
  reveal(at, card) {
    if (!this.#isKnown(at)) return;
    const [place, over] = [this.#map.getContainer().getBoundingClientRect(), card.getBoundingClientRect()];
    const size = this.#map.getSize();
    const isBeside = over.right >= place.right - 2 && over.width < place.width;
    const right = isBeside ? Math.max(0, place.right - over.left) : 0;
    const bottom = isBeside ? 0 : Math.max(0, place.bottom - over.top);
    const hidden = [Math.min(right + 60, size.x - 60), Math.min(bottom + 40, size.y - 60)];
    this.#map.panInside(this.#spot(at), { paddingTopLeft: [40, 40], paddingBottomRight: hidden, animate: false });
  }

  focus() {
    this.#markers.focus();
  }

  holds(element) {
    return this.#map.getContainer().contains(element);
  }

  #isKnown(at) {
    return !Number.isNaN(this.#layer.x[at]);
  }

  #spot(at) {
    return L.latLng(this.#layer.latitude[at], this.#layer.longitude[at]);
  }

  #name({ count, isOnePlace, at }) {
    if (!count) return said(this.#layer, at);
    return `${counted(count, "school or organisation", "schools and organisations")}, ${isOnePlace ? "in one place" : "zoom in"}`;
  }

  #single(at, r, lit = false) {
    const { x, y, latitude, longitude } = this.#layer;
    return { at, r, lit, x: x[at], y: y[at], latitude: latitude[at], longitude: longitude[at] };
  }

  /** The markers in and about the frame at this zoom. */
  #inSight() {
    const zoom = Math.min(Math.floor(this.#map.getZoom()), CLUSTERED_TO + 1);
    const bounds = this.#map.getBounds().pad(0.4);
    const box = [bounds.getWest(), bounds.getSouth(), bounds.getEast(), bounds.getNorth()];
    const r = zoom < 9 ? 5 : zoom < 12 ? 6 : 7;
    const found = this.#index.getClusters(box, zoom).map(({ geometry, properties }) => {
      if (!properties.cluster) return this.#single(properties.at, r);
      const [longitude, latitude] = geometry.coordinates;
      const count = properties.point_count;
      return {
        count, longitude, latitude, id: properties.cluster_id, x: mercatorX(longitude), y: mercatorY(latitude),
        kinds: this.#layer.symbols.map((_, n) => properties[`k${n}`]),
        r: 11.5 + Math.min(10, 2.6 * Math.log10(count)), isOnePlace: zoom >= CLUSTERED_TO,
      };
    });
    if (this.#chosen === null) return found;
    const near = this.#partners(this.#chosen);
    const lit = [...near].filter((at) => this.#isKnown(at)).map((at) => this.#single(at, r + 1, true));
    return [...found.filter((marker) => marker.count || !near.has(marker.at)), ...lit];
  }

  /** Somebody and all whom its pairings join it with. */
  #partners(at) {
    const { given, taken, pairings } = this.#layer;
    return new Set([at, ...given[at].map((k) => pairings.taker[k]), ...taken[at].map((k) => pairings.giver[k])]);
  }

  #open(marker, gather) {
    const zoom = this.#index.getClusterExpansionZoom(marker.id);
    if (zoom <= CLUSTERED_TO && zoom > this.#map.getZoom()) this.#map.setView([marker.latitude, marker.longitude], zoom);
    else gather(this.#index.getLeaves(marker.id, Infinity).map((leaf) => leaf.properties.at));
  }

  /** The wheel zooms once the map is in use, and two fingers move it: a page scrolls past it. */
  #letThePageScroll() {
    const container = this.#map.getContainer();
    const hint = document.getElementById("two-fingers");
    let timer = 0;
    this.#map.on("click focusin", () => this.#map.scrollWheelZoom.enable());
    container.addEventListener("mouseleave", () => this.#map.scrollWheelZoom.disable());
    container.addEventListener("touchmove", ({ touches }) => {
      hint.hidden = touches.length > 1;
      clearTimeout(timer);
      timer = setTimeout(() => (hint.hidden = true), 1200);
    }, { passive: true });
  }

  #fitPaper() {
    for (const [event, isPrinting] of [["beforeprint", true], ["afterprint", false]]) {
      addEventListener(event, () => {
        if (!this.isLoaded) return;
        const bounds = this.#map.getBounds();
        document.documentElement.toggleAttribute("data-printing", isPrinting);
        this.resize();
        this.#map.fitBounds(bounds, { animate: false });
      });
    }
  }
}
