// Draws land, names, arcs and symbols on one canvas that Leaflet moves about.
import { mercatorX, mercatorY } from "./layer.js";

const TAU = 2 * Math.PI;
const BEND = 0.16;
const FEW_ARCS = 900;
const REACH_PX = 9;
/** From which zoom on towns are named, and how many institutions such a town has at least. */
const TOWNS = [[11, 2], [10, 4], [9, 10]];
const DASHES = { region: [9, 3], designated: [5, 3], elsewhere: [2, 3] };

/** How each kind is drawn about 0, 0 with a size of r. */
const SHAPES = {
  primary: (c, r) => c.arc(0, 0, r, 0, TAU),
  secondary: (c, r) => c.rect(-0.88 * r, -0.88 * r, 1.76 * r, 1.76 * r),
  specialist: (c, r) => polygon(c, 1.25 * r, 4, 0),
  alternative: (c, r) => polygon(c, 1.28 * r, 3, 0),
  other_school: (c, r) => polygon(c, 1.12 * r, 6, 0),
  organisation: (c, r) => polygon(c, 1.35 * r, 10, 0, 0.48),
};

function polygon(c, r, corners, turn, inner = 1) {
  for (let k = 0; k < corners; k++) {
    const angle = turn - Math.PI / 2 + (k * TAU) / corners;
    const reach = k % 2 ? r * inner : r;
    c[k ? "lineTo" : "moveTo"](reach * Math.cos(angle), reach * Math.sin(angle));
  }
  c.closePath();
}

/** Draw one symbol at a place of the canvas; also used for the legend. */
export function symbol(c, kind, x, y, r, fill, edge, width = 1) {
  c.save();
  c.translate(x, y);
  c.beginPath();
  SHAPES[kind](c, r);
  c.restore();
  c.fillStyle = fill;
  c.fill();
  c.lineWidth = width;
  c.strokeStyle = edge;
  c.stroke();
}

/** Colours of the theme in force, as the style sheet has them. */
export function palette() {
  const style = getComputedStyle(document.documentElement);
  return new Proxy({}, { get: (held, name) => (held[name] ??= style.getPropertyValue(`--${name}`).trim()) });
}

function projected(rings) {
  return rings.filter((ring) => ring.length > 3).map((ring) => {
    const [xs, ys] = [ring.map((p) => mercatorX(p[0])), ring.map((p) => mercatorY(p[1]))];
    return { xs, ys, box: [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)] };
  });
}

/** The middle of every local authority and region, by where its schools are. */
function middles(layer, names) {
  const sums = new Map();
  for (let i = 0; i < layer.count; i++) {
    const name = names[layer.area[i]];
    if (!name || Number.isNaN(layer.x[i])) continue;
    const sum = sums.get(name) ?? { name, n: 0, x: 0, y: 0 };
    sum.n++;
    sum.x += layer.x[i];
    sum.y += layer.y[i];
    sums.set(name, sum);
  }
  return [...sums.values()].map((s) => ({ ...s, x: s.x / s.n, y: s.y / s.n })).sort((a, b) => b.n - a.n);
}

export const Field = L.Renderer.extend({
  options: { padding: 0.35 },

  initialize(layer, ground, options) {
    L.setOptions(this, options);
    L.Util.stamp(this);
    this._layers = {};
    this.layer = layer;
    this.coast = ground && projected(ground.coast);
    this.borders = projected(ground?.borders ?? []);
    this.towns = (ground?.towns ?? []).map(([name, longitude, latitude, schools]) =>
      ({ name, schools, x: mercatorX(longitude), y: mercatorY(latitude) }));
    this.labels = { areas: middles(layer, layer.areas), regions: middles(layer, layer.regions) };
    this.scene = { markers: [], shown: [], arcs: [], chosen: null, pairing: null };
    this.restyle();
  },

  /** Painted when there is something new to show, not a second time because the map moved. */
  getEvents() {
    const { moveend, ...events } = L.Renderer.prototype.getEvents.call(this);
    return events;
  },

  restyle() {
    this.colours = palette();
  },

  show(scene) {
    this.scene = scene;
    if (this._map) this._update();
  },

  _initContainer() {
    this._container = L.DomUtil.create("canvas", "painted");
    this._container.setAttribute("aria-hidden", "true");
    this._ctx = this._container.getContext("2d");
  },

  _destroyContainer() {
    this._container.remove();
    delete this._ctx;
  },

  _update() {
    if (this._map._animatingZoom && this._bounds) return;
    L.Renderer.prototype._update.call(this);
    const ratio = window.devicePixelRatio || 1;
    const [min, size] = [this._bounds.min, this._bounds.getSize()];
    L.DomUtil.setPosition(this._container, min);
    this._container.width = ratio * size.x;
    this._container.height = ratio * size.y;
    this._container.style.width = `${size.x}px`;
    this._container.style.height = `${size.y}px`;
    const origin = this._map.getPixelOrigin().add(min);
    const scale = this._map.options.crs.scale(this._map.getZoom());
    this.view = { scale, left: origin.x, top: origin.y, width: size.x, height: size.y, zoom: this._map.getZoom() };
    this._ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    this._paint();
    this.fire("painted");
  },

  at(x, y) {
    return [x * this.view.scale - this.view.left, y * this.view.scale - this.view.top];
  },

  _paint() {
    const c = this._ctx;
    c.clearRect(0, 0, this.view.width, this.view.height);
    c.lineJoin = "round";
    if (this.coast) this._land(c);
    this._dots(c);
    this._arcs(c);
    this._names(c);
    this._markers(c);
  },

  _land(c) {
    this._trace(c, this.coast);
    c.fillStyle = this.colours.land;
    c.fill();
    c.lineWidth = 1;
    c.strokeStyle = this.colours.coast;
    c.stroke();
    if (!this.borders.length) return;
    this._trace(c, this.borders);
    c.globalAlpha = this.view.zoom < 7 ? 0.5 : 1;
    c.strokeStyle = this.colours.border;
    c.stroke();
    c.globalAlpha = 1;
  },

  /** One path round all rings in sight. */
  _trace(c, rings) {
    const { width, height } = this.view;
    c.beginPath();
    for (const ring of rings) {
      const [x1, y1] = this.at(ring.box[0], ring.box[1]);
      const [x2, y2] = this.at(ring.box[2], ring.box[3]);
      if (x2 < 0 || y2 < 0 || x1 > width || y1 > height) continue;
      let [lastX, lastY] = [Infinity, Infinity];
      for (let k = 0; k < ring.xs.length; k++) {
        const [x, y] = this.at(ring.xs[k], ring.ys[k]);
        if (Math.abs(x - lastX) + Math.abs(y - lastY) < 0.9) continue;
        c[lastX === Infinity ? "moveTo" : "lineTo"](x, y);
        [lastX, lastY] = [x, y];
      }
      c.closePath();
    }
  },

  /** A point for each who is shown: what clusters count, and where arcs end. */
  _dots(c) {
    const { layer, view } = this;
    const { shown, chosen } = this.scene;
    const size = Math.min(4, Math.max(1.6, view.zoom / 2.6 - 0.9));
    const places = layer.symbols.map(() => []);
    const drawn = new Set(this.scene.markers.map((marker) => marker.at));
    for (let at = 0; at < shown.length; at++) {
      if (!shown[at] || drawn.has(at)) continue;
      const [x, y] = this.at(layer.x[at], layer.y[at]);
      if (x > 0 && y > 0 && x < view.width && y < view.height) places[layer.symbol[at]].push(x, y);
    }
    c.globalAlpha = chosen !== null ? 0.2 : this.scene.arcs.length > FEW_ARCS && view.zoom < 8 ? 0.35 : 0.55;
    places.forEach((spots, kind) => {
      c.fillStyle = this.colours[layer.symbols[kind]];
      for (let k = 0; k < spots.length; k += 2) c.fillRect(spots[k] - size / 2, spots[k + 1] - size / 2, size, size);
    });
    c.globalAlpha = 1;
  },

  /** The pairing whose arc lies nearest to a place of the map, at most a few pixels away. */
  arcAt(point) {
    const { layer } = this;
    const [px, py] = [point.x - this._bounds.min.x, point.y - this._bounds.min.y];
    let [nearest, least] = [null, REACH_PX];
    for (const k of this.scene.arcs) {
      const [x1, y1] = this.at(layer.x[layer.pairings.giver[k]], layer.y[layer.pairings.giver[k]]);
      const [x2, y2] = this.at(layer.x[layer.pairings.taker[k]], layer.y[layer.pairings.taker[k]]);
      const swing = REACH_PX + BEND * Math.hypot(x2 - x1, y2 - y1);
      if (px < Math.min(x1, x2) - swing || px > Math.max(x1, x2) + swing) continue;
      if (py < Math.min(y1, y2) - swing || py > Math.max(y1, y2) + swing) continue;
      const [mx, my] = [(x1 + x2) / 2 + BEND * (y2 - y1), (y1 + y2) / 2 - BEND * (x2 - x1)];
      const far = offCurve([px, py], [x1, y1], [mx, my], [x2, y2]);
      if (far < least) [nearest, least] = [k, far];
    }
    return nearest;
  },

  /** Bend to the left of the way from giver to taker, so that a swap shows as two arcs. */
  _arcs(c) {
    const { layer, view } = this;
    const { chosen, pairing } = this.scene;
    const isDimmed = chosen !== null || pairing !== null;
    const byStep = layer.ladder.map(() => []);
    const lit = layer.ladder.map(() => []);
    for (const k of this.scene.arcs) {
      const [giver, taker] = [layer.pairings.giver[k], layer.pairings.taker[k]];
      const [x1, y1] = this.at(layer.x[giver], layer.y[giver]);
      const [x2, y2] = this.at(layer.x[taker], layer.y[taker]);
      if (Number.isNaN(x1 + x2) || Math.abs(x1 - x2) + Math.abs(y1 - y2) < 2.5) continue;
      if (Math.max(x1, x2) < 0 || Math.max(y1, y2) < 0 || Math.min(x1, x2) > view.width || Math.min(y1, y2) > view.height) continue;
      const isLit = pairing === null ? chosen !== null && (giver === chosen || taker === chosen) : k === pairing;
      (isLit ? lit : byStep)[layer.pairings.ladder[k]].push([x1, y1, x2, y2]);
    }
    const count = byStep.reduce((sum, arcs) => sum + arcs.length, 0);
    const crowd = Math.min(1, Math.max(0, Math.log10(Math.max(count, 1) / 150) / 2.3));
    const alpha = isDimmed ? 0.1 : 0.75 - 0.5 * crowd;
    const width = 1.7 - 0.9 * crowd;
    byStep.forEach((arcs, step) => this._stroke(c, layer.ladder[step], arcs, { alpha, width, head: count < FEW_ARCS ? 4.5 + width : 0, clear: 10 }));
    lit.forEach((arcs, step) => this._stroke(c, layer.ladder[step], arcs, { alpha: 1, width: 2.6, head: 12, clear: 17 }));
  },

  /** `head` is the length of arrowheads, `clear` how far from a marker's middle they end. */
  _stroke(c, step, arcs, { alpha, width, head, clear }) {
    if (!arcs.length) return;
    c.save();
    c.globalAlpha = alpha;
    c.lineWidth = width;
    c.strokeStyle = c.fillStyle = this.colours[step];
    if (head) c.setLineDash(DASHES[step] ?? []);
    const arrows = [];
    c.beginPath();
    for (const [x1, y1, x2, y2] of arcs) {
      const [mx, my] = [(x1 + x2) / 2 + BEND * (y2 - y1), (y1 + y2) / 2 - BEND * (x2 - x1)];
      c.moveTo(x1, y1);
      c.quadraticCurveTo(mx, my, x2, y2);
      if (head && Math.abs(x1 - x2) + Math.abs(y1 - y2) > clear + 16) arrows.push([mx, my, x2, y2]);
    }
    c.stroke();
    c.setLineDash([]);
    c.beginPath();
    for (const [mx, my, x2, y2] of arrows) {
      const reach = Math.hypot(x2 - mx, y2 - my);
      const [ux, uy] = [(x2 - mx) / reach, (y2 - my) / reach];
      const [tx, ty, r] = [x2 - ux * clear, y2 - uy * clear, head];
      c.moveTo(tx, ty);
      c.lineTo(tx - ux * r - uy * r * 0.5, ty - uy * r + ux * r * 0.5);
      c.lineTo(tx - ux * r + uy * r * 0.5, ty - uy * r - ux * r * 0.5);
      c.closePath();
    }
    c.fill();
    c.restore();
  },

  _names(c) {
    const { zoom } = this.view;
    if (!this.coast) return;
    const isFar = zoom < 7.5;
    const size = isFar ? 13 : 12.5;
    c.font = `${isFar ? "bold " : ""}${size}px Arial, sans-serif`;
    c.textAlign = "center";
    c.textBaseline = "middle";
    c.lineWidth = 3;
    c.strokeStyle = this.colours.land;
    c.fillStyle = this.colours.names;
    const taken = this.scene.markers.map(({ x, y, r }) => {
      const [px, py] = this.at(x, y);
      return [px - r, py - r, px + r, py + r];
    });
    const least = TOWNS.find(([from]) => zoom >= from)?.[1] ?? Infinity;
    for (const label of [...(isFar ? this.labels.regions : this.labels.areas), ...this.towns.filter(({ schools }) => schools >= least)]) {
      const isTown = label.schools > 0;
      if (least < Infinity) c.font = isTown ? "12.5px Arial, sans-serif" : "bold 12.5px Arial, sans-serif";
      const half = c.measureText(label.name).width / 2 + 2;
      const [x, y] = this.at(label.x, label.y);
      if (x < -half || y < 0 || x > this.view.width + half || y > this.view.height) continue;
      const free = (isTown ? [0, 14, -14] : [0, 18, -18, 32, -32, 46, -46]).find((shift) => {
        const box = [x - half, y + shift - 8, x + half, y + shift + 8];
        return !taken.some((t) => t[0] < box[2] && t[2] > box[0] && t[1] < box[3] && t[3] > box[1]);
      });
      if (free === undefined) continue;
      taken.push([x - half, y + free - 8, x + half, y + free + 8]);
      c.strokeText(label.name, x, y + free);
      c.fillText(label.name, x, y + free);
    }
  },

  _markers(c) {
    const { colours, layer, scene } = this;
    for (const marker of scene.markers) {
      const [x, y] = this.at(marker.x, marker.y);
      const isFaded = scene.chosen !== null && !marker.lit;
      c.globalAlpha = isFaded ? 0.35 : 1;
      if (marker.count) this._cluster(c, marker, x, y);
      else {
        const kind = layer.symbols[layer.symbol[marker.at]];
        if (marker.at === scene.chosen) {
          c.beginPath();
          c.arc(x, y, marker.r + 7, 0, TAU);
          c.lineWidth = 3.5;
          c.strokeStyle = colours.chosen;
          c.stroke();
        }
        symbol(c, kind, x, y, marker.r, colours[kind], colours.edge, 1.2);
      }
    }
    c.globalAlpha = 1;
  },

  /** A ring that shows the kinds in it, with their number inside. */
  _cluster(c, marker, x, y) {
    const { colours, layer } = this;
    let turn = -Math.PI / 2;
    c.beginPath();
    c.arc(x, y, marker.r, 0, TAU);
    c.fillStyle = colours.edge;
    c.fill();
    marker.kinds.forEach((n, kind) => {
      if (!n) return;
      const end = turn + (n / marker.count) * TAU;
      c.beginPath();
      c.arc(x, y, marker.r - 2.5, turn, end);
      c.lineWidth = 4;
      c.strokeStyle = colours[layer.symbols[kind]];
      c.stroke();
      turn = end;
    });
    c.fillStyle = colours.ink;
    c.font = "bold 11.5px Arial, sans-serif";
    c.textAlign = "center";
    c.textBaseline = "middle";
    c.fillText(short(marker.count), x, y + 0.5);
  },
});

/** 1234 as 1.2k. */
function short(count) {
  return count < 1000 ? String(count) : `${(count / 1000).toFixed(count < 9950 ? 1 : 0)}k`;
}

/** How far a spot lies from the curve that bends from one end to the other about a middle. */
function offCurve([px, py], [x1, y1], [mx, my], [x2, y2]) {
  const steps = Math.min(40, Math.max(4, Math.ceil(Math.hypot(x2 - x1, y2 - y1) / 12)));
  let [least, lastX, lastY] = [Infinity, x1, y1];
  for (let n = 1; n <= steps; n++) {
    const t = n / steps;
    const x = (1 - t) ** 2 * x1 + 2 * (1 - t) * t * mx + t ** 2 * x2;
    const y = (1 - t) ** 2 * y1 + 2 * (1 - t) * t * my + t ** 2 * y2;
    const [dx, dy] = [x - lastX, y - lastY];
    const along = Math.min(1, Math.max(0, ((px - lastX) * dx + (py - lastY) * dy) / (dx * dx + dy * dy || 1)));
    least = Math.min(least, Math.hypot(px - lastX - along * dx, py - lastY - along * dy));
    [lastX, lastY] = [x, y];
  }
  return least;
}
