// The page around the frame, and the theme: what the page asked for, else what the reader prefers.
const { origins, themeWanted, accent } = document.body.dataset;
const allowed = JSON.parse(origins).map((each) => (each === "'self'" ? location.origin : each));
const untold = [];
let page = null;

/** Tell the page; it is told what it missed once it has said hello. */
export function tell(type, detail = {}) {
  const message = { from: "partnership-map", type, detail };
  if (page) parent.postMessage(message, page);
  else untold.push(message);
}

/** Listen to a page whose origin the token names, and to no other. */
export function listen({ greet, select, decide }) {
  addEventListener("message", ({ source, origin, data }) => {
    if (source !== parent || parent === window || !allowed.includes(origin) || data?.to !== "partnership-map") return;
    if (data.type === "hello" && !page) {
      page = origin;
      greet();
      for (const message of untold.splice(0)) parent.postMessage(message, page);
    } else if (data.type === "select") select(data.id);
    else if (data.type === "decided") decide(data.id, String(data.state));
  });
}

const PREFERENCES = {
  contrast: matchMedia("(prefers-contrast: more), (forced-colors: active)"),
  dark: matchMedia("(prefers-color-scheme: dark)"),
};

/** Black or white, whichever can be read on a colour of six hex digits. */
function inkOn(colour) {
  const [r, g, b] = [0, 2, 4].map((k) => parseInt(colour.slice(k, k + 2), 16) / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 ? "#000" : "#fff";
}

export function style(onChange) {
  const { dataset, style: own } = document.documentElement;
  const apply = () => {
    const preferred = PREFERENCES.contrast.matches ? "contrast" : PREFERENCES.dark.matches ? "dark" : "light";
    dataset.theme = themeWanted === "auto" ? preferred : themeWanted;
  };
  own.setProperty("--accent", `#${accent}`);
  own.setProperty("--on-accent", inkOn(accent));
  apply();
  for (const query of Object.values(PREFERENCES)) {
    query.addEventListener("change", () => {
      apply();
      onChange();
    });
  }
}
