// SPDX-License-Identifier: Apache-2.0
// Elements, text and the data of the page. Whatever comes from data becomes a text node, never markup.

const TONES = ["good", "fair", "bad", "mute"];

/** An element. `given` are attributes; those that begin with `on` are listeners, `false` and `null` leave one out. */
function el(tag, given, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(given || {})) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  for (const child of children.flat()) {
    if (child === null || child === undefined || child === "" || child === false) continue;
    element.append(child instanceof Node ? child : visible(child));
  }
  return element;
}

/** Text in which characters that hide or turn others around are spelled out. */
function visible(value) {
  return String(value).replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g,
    (one) => "\\u{" + one.codePointAt(0).toString(16) + "}");
}

/** Text that may break behind the separators of names, so that a narrow column does not cut words. */
function breakable(value) {
  return visible(value).split(/(?<=[._,=/|])/).flatMap((part, number) => number ? [el("wbr"), document.createTextNode(part)] : [part]);
}

/** A class for a tone, nothing for one that is not known. */
function toned(tone) {
  return TONES.includes(tone) ? ` tone-${tone}` : "";
}

function plural(number, word) {
  return `${number.toLocaleString("en")} ${word}${number === 1 ? "" : "s"}`;
}

/** Say something to those who cannot see the page change. */
function tell(sentence) {
  document.getElementById("told").textContent = sentence;
}

/** The parsed content of an inert script element. */
function data(id) {
  return JSON.parse(document.getElementById(id).textContent);
}

const inflated = new Map();

/** The blocks that [chunk, place] names; a chunk is inflated once. */
async function opened([chunk, place]) {
  if (!inflated.has(chunk)) inflated.set(chunk, inflate(data(`chunk-${chunk}`)));
  return (await inflated.get(chunk))[place];
}

async function inflate(base64) {
  const bytes = Uint8Array.from(atob(base64), (one) => one.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return JSON.parse(await new Response(stream).text());
}

/** Blocks drawn into an element once they are needed. */
async function fill(element, opens) {
  try {
    const blocks = Array.isArray(opens) && typeof opens[0] === "number" ? await opened(opens) : opens;
    element.replaceChildren(...draw(blocks));
  } catch (problem) {
    element.replaceChildren(el("p", {class: "tone-bad"}, `This part of the page cannot be read: ${problem}`));
  }
}

/** A button that copies a text and says so. */
function copier(text, label = "Copy") {
  const button = el("button", {type: "button", class: "copy", onclick: async () => {
    try {
      await navigator.clipboard.writeText(text);
      tell("Copied");
      button.textContent = "Copied";
    } catch {
      const range = document.createRange();
      range.selectNodeContents(button.previousSibling);
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      button.textContent = "Selected";
    }
    setTimeout(() => { button.textContent = label; }, 1500);
  }}, label);
  return button;
}
