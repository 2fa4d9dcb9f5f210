// SPDX-License-Identifier: Apache-2.0
// The sequence diagram: initiator | wire | acceptor, a line for each leg, and its token as a tree.

let numberOfTrees = 0;

/** {legs, outcome, tone, sides}: see page/__init__.py. */
function exchange(block) {
  const name = (side) => (block.sides || {})[side] || side;
  const legs = block.legs || [];
  const list = el("ol", {class: "legs"}, legs.map((leg) => oneLeg(leg, name)));
  return el("figure", {class: "exchange", role: "group", "aria-label": "Sequence of the exchange"},
    el("div", {class: "ends"}, el("span", {}, name("initiator")), el("span", {}, name("acceptor"))),
    list,
    !legs.length && el("p", {class: "mute"}, "Nothing was exchanged."),
    block.outcome && el("figcaption", {class: "outcome" + toned(block.tone)}, block.outcome));
}

function oneLeg(leg, name) {
  const right = leg.from === "acceptor";
  const wire = leg.call ? el("span", {class: "call"}, leg.call)
    : !leg.what || leg.what === "none" ? el("span", {class: "nothing"}, "no token") : arrow(leg, name);
  const mine = el("span", {class: "status" + statusTone(leg.status)}, breakable(leg.status || ""));
  const theirs = el("span", {class: "status" + statusTone(leg.received)}, breakable(leg.received || ""));
  const item = el("li", {class: `leg ${right ? "from-acceptor" : "from-initiator"}${leg.call ? " local" : ""}${toned(leg.mark)}`},
    el("div", {class: "line"}, right ? theirs : mine, wire, right ? mine : theirs));
  if (leg.exchange) item.prepend(el("div", {class: "which"}, `exchange “${visible(leg.exchange)}”`));
  if (leg.note) item.append(el("div", {class: "note"}, leg.note));
  if (leg.tree) unfolding(item, wire, leg);
  return item;
}

function arrow(leg, name) {
  const words = [el("span", {class: "what"}, leg.what), leg.size ? el("small", {}, ` ${leg.size} bytes`) : null];
  if (!leg.tree) return el("span", {class: "arrow"}, words);
  const to = leg.from === "acceptor" ? "initiator" : "acceptor";
  return el("button", {type: "button", class: "arrow", "aria-expanded": "false",
    title: `from ${name(leg.from)} to ${name(to)}: open the token`}, words);
}

function unfolding(item, button, leg) {
  const id = `tree-${++numberOfTrees}`;
  const place = el("div", {class: "token", id, hidden: true});
  button.setAttribute("aria-controls", id);
  button.addEventListener("click", () => {
    if (!place.firstChild) place.append(tokenTree(leg.tree, leg.differs || []));
    place.hidden = !place.hidden;
    button.setAttribute("aria-expanded", String(!place.hidden));
  });
  button.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !place.hidden) {
      button.click();
      event.stopPropagation();
    }
  });
  item.append(place);
}

function statusTone(status) {
  const text = String(status || "");
  if (/^SEC_E_OK$|^STATUS_SUCCESS$|^2\d\d\b|^success$/.test(text)) return " is-good";
  if (/^SEC_I_|^401$|MORE_PROCESSING|^saslBindInProgress/.test(text)) return " is-more";
  return text ? " is-bad" : "";
}

/** A tree of decode.tree.Node.json(): {name, value, verified, fields}. Fields named in `differs` are marked. */
function tokenTree(node, differs = []) {
  return el("ul", {class: "tree"}, treeItem(node, new Set(differs), 0));
}

function treeItem(node, differs, depth) {
  const sign = node.verified === undefined ? null
    : el("span", {class: node.verified ? "sign is-good" : "sign is-bad"}, node.verified ? "verified" : "wrong");
  const label = [el("span", {class: "name"}, node.name), treeValue(node.value), sign];
  const marked = differs.has(node.name) ? "differs" : null;
  if (!node.fields || !node.fields.length) return el("li", {class: marked}, label);
  return el("li", {class: marked},
    el("details", {open: depth < 4}, el("summary", {}, label),
      el("ul", {}, node.fields.map((one) => treeItem(one, differs, depth + 1)))));
}

function treeValue(value) {
  if (value === undefined || value === null) return null;
  if (!Array.isArray(value)) return el("span", {class: "value"}, value === "" ? "(empty)" : value);
  if (!value.length) return el("span", {class: "value"}, "(none)");
  return el("span", {class: "chips"}, value.map((one) => el("span", {class: "chip"}, one)));
}
