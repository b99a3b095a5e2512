// A button over every marker in sight: for the pointer, for touch, and for the keyboard.
const TARGET_PX = 26;
const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Markers {
  #map;
  #group;
  #tip;
  #shown = [];
  #current = null;

  /** `choose` is called with a marker, `name` gives what is said of one. */
  constructor(map, { choose, name, leave }) {
    this.#map = map;
    Object.assign(this, { choose, name, leave });
    const pane = map.createPane("hits");
    pane.style.zIndex = 650;
    this.#group = L.DomUtil.create("div", "hits", pane);
    this.#group.setAttribute("role", "group");
    this.#group.setAttribute("aria-label", "Markers on the map. Use the arrow keys to go to the nearest marker in that direction, Page Down to go to the next, and plus and minus to zoom.");
    this.#tip = L.DomUtil.create("div", "tip", map.getContainer());
    this.#tip.setAttribute("aria-hidden", "true");
    this.#tip.hidden = true;
    this.#group.addEventListener("click", (event) => this.#click(event));
    this.#group.addEventListener("keydown", (event) => this.#press(event));
    for (const type of ["mouseover", "focusin"]) this.#group.addEventListener(type, (event) => this.#hint(event.target));
    for (const type of ["mouseout", "focusout"]) this.#group.addEventListener(type, () => (this.#tip.hidden = true));
    // Not `visibility`: what is hidden loses the focus.
    map.on("zoomstart", () => (pane.style.opacity = 0));
    map.on("zoomend", () => (pane.style.opacity = ""));
  }

  /** Put the buttons where `markers` are; those outside of the frame have none. */
  show(markers) {
    const hadFocus = this.#group.contains(document.activeElement);
    const size = this.#map.getSize();
    const placed = [];
    for (const marker of markers) {
      const point = this.#map.latLngToContainerPoint([marker.latitude, marker.longitude]);
      if (point.x < 4 || point.y < 4 || point.x > size.x - 4 || point.y > size.y - 4) continue;
      placed.push({ marker, point });
    }
    placed.sort((a, b) => a.point.y - b.point.y || a.point.x - b.point.x);
    const buttons = this.#group.children;
    while (buttons.length > placed.length) this.#group.lastChild.remove();
    const more = document.createDocumentFragment();
    for (let n = buttons.length; n < placed.length; n++) {
      const button = document.createElement("button");
      button.type = "button";
      more.append(button);
    }
    this.#group.append(more);
    placed.forEach(({ marker, point }, n) => {
      const button = buttons[n];
      const wide = Math.max(TARGET_PX, 2 * marker.r);
      button.tabIndex = -1;
      button.className = marker.count ? "is-cluster" : "";
      button.setAttribute("aria-label", this.name(marker));
      button.style.width = button.style.height = `${wide}px`;
      L.DomUtil.setPosition(button, this.#map.containerPointToLayerPoint(point).subtract([wide / 2, wide / 2]));
    });
    const last = this.#current?.point;
    this.#shown = placed;
    const heart = last ?? size.divideBy(2);
    const next = placed.reduce((best, one) => (best && heart.distanceTo(best.point) <= heart.distanceTo(one.point) ? best : one), null);
    this.#make(next, hadFocus);
  }

  #make(entry, withFocus) {
    const old = this.#group.children[this.#shown.indexOf(this.#current)];
    if (old) old.tabIndex = -1;
    this.#current = entry;
    const button = this.#group.children[this.#shown.indexOf(entry)];
    if (!button) return;
    button.tabIndex = 0;
    if (withFocus) button.focus({ preventScroll: true });
  }

  focus() {
    this.#make(this.#current, true);
  }

  #entry(target) {
    const button = target.closest?.("button");
    return button ? this.#shown[[...this.#group.children].indexOf(button)] : undefined;
  }

  #click(event) {
    const entry = this.#entry(event.target);
    if (!entry) return;
    event.stopPropagation();
    this.#tip.hidden = true;
    this.#make(entry, event.detail === 0);
    this.choose(entry.marker);
  }

  #hint(target) {
    const entry = this.#entry(target);
    if (!entry) return;
    this.#tip.textContent = this.name(entry.marker);
    this.#tip.hidden = false;
    const size = this.#map.getSize();
    const { x, y } = entry.point;
    const below = y < this.#tip.offsetHeight + entry.marker.r + 16;
    this.#tip.style.left = `${Math.min(Math.max(x, 110), Math.max(size.x - 110, 110))}px`;
    this.#tip.style.top = `${below ? y + entry.marker.r + 10 : y - entry.marker.r - 10}px`;
    this.#tip.classList.toggle("below", below);
  }

  #press(event) {
    const direction = KEYS[event.key];
    if (event.key === "+" || event.key === "=") this.#map.zoomIn();
    else if (event.key === "-") this.#map.zoomOut();
    else if (event.key === "Escape") this.leave();
    else if (event.key === "Home") this.#make(this.#shown[0], true);
    else if (event.key === "End") this.#make(this.#shown.at(-1), true);
    else if (event.key === "PageDown") this.#along(1);
    else if (event.key === "PageUp") this.#along(-1);
    else if (direction) this.#step(direction);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** In reading order, round and round, so that none is out of reach. */
  #along(by) {
    const count = this.#shown.length;
    this.#make(this.#shown[(this.#shown.indexOf(this.#current) + by + count) % count], true);
  }

  /** To the nearest marker that way; where there is none, move the map. */
  #step([dx, dy]) {
    const here = this.#current.point;
    let [best, least] = [null, Infinity];
    for (const one of this.#shown) {
      const along = (one.point.x - here.x) * dx + (one.point.y - here.y) * dy;
      const aside = Math.abs((one.point.x - here.x) * dy) + Math.abs((one.point.y - here.y) * dx);
      const cost = along + 2 * aside;
      if (one !== this.#current && along > 0 && aside <= 2 * along && cost < least) [best, least] = [one, cost];
    }
    if (best) this.#make(best, true);
    else this.#map.panBy([dx * 160, dy * 120], { animate: false });
  }
}
