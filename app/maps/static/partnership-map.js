// <partnership-map src="https://givetake.example" token="...">: the map in a frame of its own.
// What stands inside the element is shown until the map is there, and whenever it cannot be.
const PASSED = ["theme", "accent", "view", "area", "kinds", "heading"];
const PATIENCE_MS = 6000;

/** What the address of a map has in place of its token. */
function pageOf(token) {
  try {
    return JSON.parse(atob(token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/"))).page;
  } catch {
    return undefined;
  }
}

class PartnershipMap extends HTMLElement {
  static observedAttributes = ["src", "token", "height", ...PASSED];
  #frame = null;
  #timer = 0;
  #hear = (event) => this.#receive(event);

  connectedCallback() {
    if (!this.shadowRoot) this.attachShadow({ mode: "open" }).append(document.createElement("slot"));
    addEventListener("message", this.#hear);
    this.#load();
  }

  disconnectedCallback() {
    removeEventListener("message", this.#hear);
    this.#drop();
  }

  attributeChangedCallback(name, before, now) {
    if (!this.isConnected || before === now || !this.shadowRoot) return;
    if (name === "height") this.#size();
    else this.#load();
  }

  /** Select an institution by URN, or an organisation by key; null selects nothing. */
  select(id) {
    this.#send({ type: "select", id });
  }

  #load() {
    this.#drop();
    const [src, token] = [this.getAttribute("src"), this.getAttribute("token")];
    let page;
    try {
      page = new URL("maps/widget", src.endsWith("/") ? src : `${src}/`);
      if (!/^https?:$/.test(page.protocol) || !token) throw new TypeError();
    } catch {
      this.#fail("add the attributes src, which must start with https://, and token");
      return;
    }
    const name = pageOf(token);
    if (name) {
      page.searchParams.set("embed", name);
      page.hash = token; // which stays in the browser
    } else page.searchParams.set("token", token); // made by an earlier version, which answers for it
    for (const name of PASSED) {
      if (this.hasAttribute(name)) page.searchParams.set(name, this.getAttribute(name).replace(/^#/, ""));
    }
    const frame = document.createElement("iframe");
    frame.title = this.getAttribute("heading") ?? "Map of schools and support partners";
    frame.setAttribute("sandbox", "allow-scripts allow-popups allow-modals");
    frame.referrerPolicy = "no-referrer";
    frame.style.cssText = "display:block;border:0;width:100%;position:absolute;visibility:hidden";
    frame.addEventListener("load", () => this.#send({ type: "hello" }));
    frame.src = page.href;
    this.style.display = "block";
    this.style.position = "relative";
    this.#frame = frame;
    this.#size();
    this.shadowRoot.append(frame);
    this.#timer = setTimeout(() => this.#fail("the map did not respond; check that the token is for this website"), PATIENCE_MS);
  }

  #size() {
    if (!this.#frame) return;
    this.#frame.style.height = this.style.minHeight = `${parseInt(this.getAttribute("height"), 10) || 640}px`;
  }

  // The frame has no origin of its own ("null"), so it is named by its window; what is sent is no secret.
  #send(message) {
    this.#frame?.contentWindow?.postMessage({ to: "partnership-map", ...message }, "*");
  }

  #receive({ source, origin, data }) {
    if (!this.#frame || source !== this.#frame.contentWindow || origin !== "null") return;
    if (data?.from !== "partnership-map") return;
    clearTimeout(this.#timer);
    if (data.type === "error") this.#fail(String(data.detail?.message ?? "the map failed"));
    else if (["hello", "ready", "select", "pairing", "filter"].includes(data.type)) {
      this.shadowRoot.querySelector("slot").style.display = "none";
      Object.assign(this.#frame.style, { position: "static", visibility: "visible" });
      if (data.type !== "hello") this.#tell(data.type, data.detail);
    }
  }

  /** A reader gets a sentence, and what stands inside the element: a link to the list. */
  #fail(message) {
    this.#drop();
    const sorry = Object.assign(document.createElement("p"), { textContent: "This map is not available. You can use the list instead:" });
    sorry.setAttribute("part", "sorry");
    this.shadowRoot.prepend(sorry);
    this.#tell("error", { message });
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(`partner-${type}`, { detail, bubbles: true, composed: true }));
  }

  #drop() {
    clearTimeout(this.#timer);
    this.#frame?.remove();
    this.#frame = null;
    this.shadowRoot?.querySelector("p")?.remove();
    this.style.minHeight = "";
    const slot = this.shadowRoot?.querySelector("slot");
    if (slot) slot.style.display = "";
  }
}

if (!customElements.get("partnership-map")) customElements.define("partnership-map", PartnershipMap);
